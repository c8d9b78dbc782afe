// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// rowsAndReads splits words into a versioned table, of what begins with "=", where "=" alone deletes, and the rest.
func rowsAndReads(in texts, history time.Duration) (table stream.Table[string, string], reads texts) {
	rows, reads := operators.Branch(in, func(v string) bool { return v[0] == '=' })
	rows = operators.MapRecord(rows, func(r, out *text) {
		out.Value, out.NullValue = r.Value[1:], r.Value == "="
	})
	return operators.ToVersionedTable("versions", rows, codec.String, history), reads
}

func asOf(in texts, history time.Duration) texts {
	table, reads := rowsAndReads(in, history)
	inner := operators.JoinTable(reads, table, func(v, row string) string { return v + row })
	left := operators.LeftJoinTable(reads, table, func(v, row string, ok bool) string {
		return fmt.Sprintf("left:%s%s:%v", v, row, ok)
	})
	return operators.Merge(inner, left)
}

// The updates of a versioned table: what came out of order is marked, deletes of what is not there are nothing.
func TestVersionedTableChanges(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	table := stream.VersionedTableFrom(topo, words, 10*time.Millisecond)
	history, versioned := table.Versioned()
	require.True(t, versioned)
	require.Equal(t, 10*time.Millisecond, history)
	o := stream.NewOp(topo, "updates", "")
	stream.To(stream.Attach(o, table.Changes(), codec.String,
		func(_ *stream.Task, out stream.Next[string, string]) stream.Next[string, stream.Change[string]] {
			return func(r *stream.Record[string, stream.Change[string]]) {
				c := r.Value
				v := fmt.Sprintf("%s(%v) was %s(%v) %v", c.New, c.HasNew, c.Old, c.HasOld, c.OutOfOrder)
				out(&stream.Record[string, string]{Key: r.Key, Time: r.Time, Value: v})
			}
		}), lines)
	d := streamtest.New(t, topo)
	in, out := streamtest.Input(d, words), streamtest.Output(d, lines)
	in.Delete("k", 4) // nothing was there, and what comes later for an earlier time ends here
	in.Send("k", "a", 3)
	in.Send("k", "x", 5)
	in.Send("k", "z", 12)
	in.Send("k", "y", 9)
	in.Delete("k", 10)
	in.Delete("k", 11) // again
	in.Send("k", "w", 1)
	in.Send("k", "Z", 12)
	in.SendRecord(&text{NullKey: true, Time: 99})
	in.Delete("k", 13)
	require.Equal(t, "k a(true) was (false) true @3, k x(true) was (false) false @5, k z(true) was x(true) false @12, "+
		"k y(true) was x(true) true @9, k (false) was y(true) true @10, k Z(true) was z(true) false @12, "+
		"k (false) was Z(true) false @13", show(out.Read()))
	require.Equal(t, map[streamtest.DropReason]uint64{
		{Operator: `versioned table "words"`, Reason: "late"}:     1,
		{Operator: `versioned table "words"`, Reason: "null key"}: 1,
	}, d.Drops())
}

// As-of joins with a versioned table, against a list of all updates.
func TestRandomJoinVersionedTable(t *testing.T) {
	type update struct {
		value string
		at    int64
	}
	const history = 120
	equivalent(t, scenario{
		build:   piped(func(in texts) texts { return asOf(in, history*time.Millisecond) }),
		weather: rowOrRead,
		oracle: func(events []event) (want []string) {
			all, newest := map[string][]update{}, int64(0)
			for _, e := range events {
				if e.value[0] == '=' {
					if !e.nullKey && e.at >= newest-history {
						newest = max(newest, e.at)
						all[e.key] = append(all[e.key], update{e.value[1:], e.at})
					}
					continue
				}
				row, last := update{at: -1}, int64(-1)
				for _, u := range all[e.key] { // of one time the last
					if u.at <= e.at && u.at >= row.at {
						row = u
					}
					last = max(last, u.at)
				}
				ok := !e.nullKey && row.value != "" && (row.at == last || e.at >= newest-history)
				if !ok {
					row.value = ""
				}
				key := e.key
				if e.nullKey {
					key = "∅"
				}
				if ok {
					want = append(want, line(key, e.value+row.value, e.at))
				}
				want = append(want, line(key, fmt.Sprintf("left:%s%s:%v", e.value, row.value, ok), e.at))
			}
			return want
		},
	})
}

// wordTables are tables of words: one whose last write wins, one with versions.
var wordTables = map[string]func(*stream.Topology) stream.Table[string, string]{
	"plain": tableOfWords,
	"versioned": func(topo *stream.Topology) stream.Table[string, string] {
		return stream.VersionedTableFrom(topo, words, versionedFor*time.Millisecond)
	},
}

// versionedFor is the history of versioned tables of words, in milliseconds.
const versionedFor = 120

// inOrder is the history without the updates that change nothing in tables called versioned: those that are older than
// the history of their topic's partition, and those that are older than the newest of their row.
func inOrder(table string, history []event) (kept []event) {
	type part struct {
		other bool
		part  int32
	}
	newest, rows := map[part]int64{}, map[event]int64{}
	for _, e := range history {
		if table == "versioned" && !e.nullKey {
			part, row := part{e.other, e.part}, event{other: e.other, key: e.key}
			at := rows[row]
			if e.at < newest[part]-versionedFor {
				continue
			}
			newest[part], rows[row] = max(newest[part], e.at), max(at, e.at)
			if e.at < at {
				continue
			}
		}
		kept = append(kept, e)
	}
	return kept
}

// A versioned table as a stream has every update that is not too late, also those that are out of order, but no delete
// where nothing was at its time.
func TestRandomVersionedTable(t *testing.T) {
	equivalent(t, scenario{
		build:   func(topo *stream.Topology) { stream.To(operators.ToStream(wordTables["versioned"](topo)), lines) },
		weather: anyUpdate,
		oracle: func(history []event) (want []string) {
			rows, newest := map[string][]event{}, int64(0)
			for _, e := range history {
				if e.nullKey || e.at < newest-versionedFor {
					continue
				}
				before := event{null: true}
				for _, u := range rows[e.key] { // of one time the last
					if u.at <= e.at && u.at >= before.at {
						before = u
					}
				}
				newest, rows[e.key] = max(newest, e.at), append(rows[e.key], e)
				switch {
				case !e.null:
					want = append(want, line(e.key, e.value, e.at))
				case !before.null:
					want = append(want, line(e.key, "∅", e.at))
				}
			}
			return want
		},
	})
}
