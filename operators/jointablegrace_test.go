// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// withGrace joins what rowsAndReads splits, or with inner left out what has no row too.
func withGrace(in texts, inner bool, grace, history time.Duration) texts {
	table, reads := rowsAndReads(in, history)
	if inner {
		return operators.JoinTableGrace("join", reads, table, grace, func(v, row string) string { return v + ":" + row })
	}
	return operators.LeftJoinTableGrace("join", reads, table, grace, func(v, row string, ok bool) string {
		return fmt.Sprintf("%s:%s:%v", v, row, ok)
	})
}

// What waits keeps its headers, through a restart too.
func TestWaitingRecordsKeepHeaders(t *testing.T) {
	t.Parallel()
	d, in, out := run(t, streamtest.Options{}, func(in texts) texts {
		return withGrace(in, false, 5*time.Millisecond, 5*time.Millisecond)
	})
	headers := []stream.Header{{Key: "a", Value: []byte("1")}, {Key: "", Value: []byte{}}, {Key: "b"}}
	in.SendRecord(&text{Key: "k", Value: "x", Time: 1, Headers: headers})
	d.Restart()
	in.Send("k", "y", 9)
	got := out.Read()
	require.Len(t, got, 1)
	require.Equal(t, headers, got[0].Headers)
}

// versions are all updates that a versioned table has taken.
type versions struct {
	updates         []event
	newest, history int64
}

// put takes an update, "=" and the value, that is not older than the history.
func (v *versions) put(e event) {
	if !e.nullKey && e.at >= v.newest-v.history {
		v.newest = max(v.newest, e.at)
		v.updates = append(v.updates, e)
	}
}

// join is e with the newest row that is not newer; what is older than the history is known of no row but the newest.
func (v *versions) join(e event) string {
	row, last := event{at: -1}, int64(-1)
	for _, u := range v.updates {
		if u.key == e.key {
			if last = max(last, u.at); u.at <= e.at && u.at >= row.at {
				row = u
			}
		}
	}
	value := strings.TrimPrefix(row.value, "=")
	ok := value != "" && (row.at == last || e.at >= v.newest-v.history)
	if !ok {
		value = ""
	}
	return line(e.key, fmt.Sprintf("%s:%s:%v", e.value, value, ok), e.at)
}

// rowOrRead is the weather of joins with the versioned table of rowsAndReads.
func rowOrRead(c *climate, i int) event {
	e := c.event()
	e.value = fmt.Sprintf("%s%d", [...]string{"=", "", ""}[c.IntN(3)], i)
	if e.value[0] == '=' && c.IntN(4) == 0 {
		e.value = "="
	}
	return e
}

// Joins with grace, against a list of all updates and what waits, sorted. The results of an inner join are those of a
// left one that have a row.
func TestRandomJoinTableGrace(t *testing.T) {
	const grace, history = 60, 150
	for name, inner := range map[string]bool{"left": false, "inner": true} {
		t.Run(name, func(t *testing.T) {
			equivalent(t, scenario{
				build: piped(func(in texts) texts {
					return withGrace(in, inner, grace*time.Millisecond, history*time.Millisecond)
				}),
				weather: rowOrRead,
				oracle: func(events []event) (want []string) {
					for _, result := range leftGraceOracle(events, grace, history) {
						if row := strings.ReplaceAll(result, ":true @", " @"); !inner {
							want = append(want, result)
						} else if row != result {
							want = append(want, row)
						}
					}
					return want
				},
				group: func(line string) string {
					if strings.HasPrefix(line, "∅") {
						return line
					}
					return ""
				},
			})
		})
	}
}

func leftGraceOracle(events []event, grace, history int64) (want []string) {
	var waiting []event
	past, clock := versions{history: history}, int64(-1)
	for _, e := range events {
		switch {
		case e.value[0] == '=':
			past.put(e)
			continue
		case e.nullKey:
			clock = max(clock, e.at)
			want = append(want, line("∅", e.value+"::false", e.at))
			continue
		}
		clock = max(clock, e.at)
		if e.at <= clock-grace { // and not behind what waits
			want = append(want, past.join(e))
			continue
		}
		waiting = append(waiting, e)
		slices.SortStableFunc(waiting, func(a, b event) int { return cmp.Compare(a.at, b.at) })
		for len(waiting) > 0 && waiting[0].at <= clock-grace {
			want, waiting = append(want, past.join(waiting[0])), waiting[1:]
		}
	}
	return want
}

// What waits for a join is read back as it was, and nothing else is taken for it.
func TestWaitingRecordsOfAnyLength(t *testing.T) {
	t.Parallel()
	d, in, out := run(t, streamtest.Options{CacheBytes: 300}, func(in texts) texts {
		return withGrace(in, false, 5*time.Millisecond, 5*time.Millisecond)
	})
	key, value := strings.Repeat("k", 300), strings.Repeat("v", 200)
	in.Send(key, value, 1)
	in.Send("", "x", 2)
	d.Crash(streamtest.AfterCommit)
	in.Send("j", "x", 20)
	require.Equal(t, key+" "+value+"::false @1,  x::false @2", show(out.Read()))
}
