// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// TestMain lets the test binary be the process that is measured, too.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-"+jobFlag {
		main()
		return
	}
	os.Exit(m.Run())
}

var small = data{records: 20_000, keys: 100, span: 10 * time.Minute}

// TestEveryEngineIsRight runs all engines with all workloads that they have. What they cost is not looked at.
func TestEveryEngineIsRight(t *testing.T) {
	t.Parallel()
	k := kafkaOf(t)
	require.NoError(t, k.writeInput(t.Context(), small))
	for _, engine := range names(engines) {
		for _, name := range names(engines[engine]) {
			s := settings{data: small, workers: 2}
			r, err := measureOne(t.Context(), k, s, engine, findWorkload(name))
			require.NoError(t, err, "%s, %s", engine, name)
			require.Equal(t, small.records, r.Records)
			require.Positive(t, r.CPU)
			require.Positive(t, r.Seconds)
		}
	}
}

// kafkaOf is startKafka with a broker for tests, or the test is skipped.
func kafkaOf(t *testing.T) *kafka {
	k, err := connect(kafkatest.Start(t, kafkatest.Options{}))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.client.Close()) })
	return k
}

// output is what an engine without a fault writes for a workload, one record after the other.
func output(d data, workload string, record func(key, value []byte, at int64) error) error {
	counts, sums := map[int64]int64{}, map[[2]int64]int64{}
	for i := range d.records {
		e := d.event(i)
		key, value := e.key, []byte(nil)
		switch workload {
		case "pass":
			value = appendValue(nil, e.amount)
		case "rekey":
			key = d.newKey(e.amount)
			fallthrough
		case "count", "countcommit":
			counts[key]++
			value = binary.BigEndian.AppendUint64(nil, uint64(counts[key]))
		case "window":
			slot := [2]int64{e.key, base + d.window(e.at)*windowSize.Milliseconds()}
			sums[slot] += e.amount
			value = binary.BigEndian.AppendUint64(nil, uint64(slot[1]))
			value = binary.BigEndian.AppendUint64(value, uint64(sums[slot]))
		}
		if err := record(appendKey(nil, key), value, e.at); err != nil {
			return err
		}
	}
	return nil
}

func TestChecksAcceptWhatIsRight(t *testing.T) {
	t.Parallel()
	for _, w := range workloads {
		c := w.check(small)
		require.NoError(t, output(small, w.name, c.record), w.name)
		require.NoError(t, c.end(), w.name)
	}
}

// TestChecksFindWhatIsWrong loses a record, sends one twice, and changes one.
func TestChecksFindWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, w := range workloads {
		for name, fault := range map[string]func(c checker, key, value []byte, at int64) error{
			"lost": func(checker, []byte, []byte, int64) error { return nil },
			"twice": func(c checker, key, value []byte, at int64) error {
				if err := c.record(key, value, at); err != nil {
					return err
				}
				return c.record(key, value, at)
			},
			"other key": func(c checker, _, value []byte, at int64) error {
				return c.record(appendKey(nil, small.keys), value, at)
			},
			"other value": func(c checker, key, value []byte, at int64) error {
				value[len(value)-1]++
				return c.record(key, value, at)
			},
		} {
			n, last := int64(0), int64(-1)
			if w.name == "countcommit" && name == "lost" {
				last = small.records // it may leave out any update but the last
			}
			c := w.check(small)
			err := output(small, w.name, func(key, value []byte, at int64) error {
				if n++; n == small.records/2 && last < 0 || n == last {
					return fault(c, key, value, at)
				}
				return c.record(key, value, at)
			})
			if err == nil {
				err = c.end()
			}
			require.Error(t, err, "%s, %s", w.name, name)
		}
	}
}

func TestInputIsWhatItSays(t *testing.T) {
	t.Parallel()
	var previous int64
	for i := range small.records {
		e := small.event(i)
		require.GreaterOrEqual(t, e.at, previous)
		require.Positive(t, e.amount)
		previous = e.at
		key := appendKey(nil, e.key)
		require.Len(t, key, 10)
		back, err := parseKey(key)
		require.NoError(t, err)
		require.Equal(t, e.key, back)
		value := appendValue(nil, e.amount)
		require.Len(t, value, valueSize)
		amount, err := amountOf(value)
		require.NoError(t, err)
		require.Equal(t, e.amount, amount)
	}
	require.Equal(t, "key-000123", string(appendKey(nil, 123)))
	require.EqualValues(t, 11, small.windows())
}

func TestReport(t *testing.T) {
	t.Parallel()
	results := []result{
		{Engine: "sarama", Workload: "pass", Records: 10, Seconds: 1.5, CPU: 2, RSS: 100},
		{Engine: "irmak", Workload: "pass", Records: 10, Seconds: 0.5, CPU: 0.5, RSS: 50},
	}
	var lines, table bytes.Buffer
	asJSON, asTable := newReport(&lines, true), newReport(&table, false)
	for _, r := range results {
		require.NoError(t, asJSON.add(r))
		require.NoError(t, asTable.add(r))
	}
	require.NoError(t, asJSON.end())
	require.NoError(t, asTable.end())
	first, _, _ := strings.Cut(lines.String(), "\n")
	require.JSONEq(t, `{"engine":"sarama","workload":"pass","records":10,"seconds":1.5,"cpu_us_per_record":2,
		"peak_rss_mb":100}`, first)
	require.Regexp(t, `pass +irmak +10 +0\.5 +0\.50 +50 +0\.25`, table.String())
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	good := settings{data: small, engines: []string{rawLoop}, workloads: []string{"pass"}, workers: 1}
	require.NoError(t, good.check())
	for want, change := range map[string]func(*settings){
		`there is no "flink"`: func(s *settings) { s.engines = []string{"flink"} },
		`there is no "sort"`:  func(s *settings) { s.workloads = []string{"sort"} },
		`at least 1`:          func(s *settings) { s.workers = 0 },
		`at most 1000000`:     func(s *settings) { s.data.keys = maxKeys + 1 },
	} {
		s := good
		change(&s)
		require.ErrorContains(t, s.check(), want)
	}
}
