// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
)

// priced joins values, which are names, with a global table of prices by name.
func priced(name, in, prices, out string) *stream.Topology {
	topo := stream.New(name)
	byValue := func(_, v string) (string, bool) { return v, true }
	stream.To(operators.LeftJoinGlobal(stream.From(topo, text(in)), stream.GlobalTableFrom(topo, text(prices)), byValue,
		func(v, price string, ok bool) string { return fmt.Sprint(v, " ", price, " ", ok) }), text(out))
	return topo
}

// TestAGlobalTable is loaded before the first record, followed, found again by a restart, and built anew for a topic
// that was made anew.
func TestAGlobalTable(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 2, nil), c.CreateTopic(t, "out", 1, nil)
	prices := c.CreateTopic(t, "prices", 3, nil)
	s.put(prices, record{key: "tea", value: "1"}, record{key: "oil", value: "7", partition: 2},
		record{key: "tea", value: "2"})
	s.put(in, record{value: "tea"}, record{value: "oil", partition: 1}, record{value: "air"})
	config := stream.Config{Brokers: s.addrs, StateDir: t.TempDir(), Workers: 2}
	topo := priced(kafkatest.Name(t, "prices"), in, prices, out)
	a := start(t, topo, config)
	a.await("what was there is joined", func() bool { return len(s.committed(out)) == 3 })
	require.ElementsMatch(t, []string{"tea 2 true", "oil 7 true", "air  false"}, values(s.committed(out)))

	s.put(prices, record{key: "oil", value: "8", partition: 2})
	seen := func(a *app, name, want string) {
		t.Helper()
		a.await(want, func() bool {
			s.put(in, record{value: name}) // each asks anew
			return slices.Contains(values(s.committed(out)), want)
		})
	}
	seen(a, "oil", "oil 8 true")
	require.NoError(t, a.end())

	s.put(prices, record{key: "tea", value: "3"})
	a = start(t, topo, config)
	seen(a, "tea", "tea 3 true")
	require.Len(t, a.log.lines("global table loaded", "records=1"), 1, "what is new is read, and no more")
	seen(a, "oil", "oil 8 true")
	require.NoError(t, a.end())

	s.deleteTopic(prices)
	require.NoError(t, c.MakeTopic(bounded(t), kafkatest.Topic{Name: prices, Partitions: 3}))
	siteOf(t, s.addrs).put(prices, record{key: "air", value: "0"}) // the old client takes it for the topic that it knew
	a = start(t, topo, config)
	seen(a, "air", "air 0 true")
	seen(a, "oil", "oil  false")
	require.NoError(t, a.end())
}

// TestBadRecordsOfAGlobalTable end the Run, or are buried.
func TestBadRecordsOfAGlobalTable(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	prices := c.CreateTopic(t, "prices", 1, nil)
	name := kafkatest.Name(t, "bad-prices")
	topo := stream.New(name)
	stream.To(operators.JoinGlobal(stream.From(topo, text(in)), stream.GlobalTableFrom(topo, counts(prices)),
		func(_, v string) (string, bool) { return v, true },
		func(v string, n int64) string { return fmt.Sprint(v, " ", n) }), text(out))
	s.put(prices, record{key: "tea", value: "bad"}, record{key: "oil", value: "\x80\x00\x00\x00\x00\x00\x00\x07"})
	s.put(in, record{value: "oil"})
	config := stream.Config{Brokers: s.addrs, StateDir: t.TempDir()}
	err := start(t, topo, config).wait()
	requireText(t, err, prices+"/0@0", "global table from", "value of 3 bytes")

	config.Errors.Decode.Action = stream.DeadLetter
	a := start(t, topo, config)
	a.await("the good record is joined", func() bool { return len(s.committed(out)) == 1 })
	require.Equal(t, []string{"oil 7"}, values(s.committed(out)))
	letters := s.committed(name + "-dead-letters")
	require.Equal(t, []string{"bad"}, values(letters))
	require.Equal(t, prices, header(letters[0], "irmak.topic"))
	require.NoError(t, a.end())
}
