// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// piped is a topology of one part from words to lines.
func piped(part func(texts) texts) func(*stream.Topology) {
	return func(topo *stream.Topology) { stream.To(part(stream.From(topo, words)), lines) }
}

// nulling is piped with null values passed on.
func nulling(part func(texts) texts) func(*stream.Topology) {
	flagged := words
	flagged.NullValues = true
	return func(topo *stream.Topology) { stream.To(part(stream.From(topo, flagged)), lines) }
}

// anyEvent is the weather of operators that take any record, anyUpdate that of those that take null values too.
func anyEvent(c *climate, _ int) event  { return c.event() }
func anyUpdate(c *climate, _ int) event { return c.nullable(c.event()) }

// updateInOrder is the weather of operators with two inputs: the first is words, the second other.
func updateInOrder(c *climate, _ int) event {
	e := c.nullable(c.inOrder())
	e.other = c.IntN(2) == 0
	return e
}

func TestRandomAggregate(t *testing.T) {
	equivalent(t, scenario{
		build:   nulling(folded(operators.Sum(number), func(n int64) string { return fmt.Sprint(n) })),
		weather: anyUpdate,
		oracle: func(history []event) (want []string) {
			sum, at := map[string]int{}, map[string]int64{}
			for _, e := range history {
				if !e.nullKey && !e.null {
					sum[e.key] += number(e.value)
					at[e.key] = max(at[e.key], e.at)
					want = append(want, line(e.key, sum[e.key], at[e.key]))
				}
			}
			return want
		},
	})
}

// Values are added in the order in which they arrive, whatever their times.
func TestRandomReduce(t *testing.T) {
	newest := func(a, b string) string { return (a + b)[max(0, len(a+b)-20):] }
	equivalent(t, scenario{
		build: nulling(folded(operators.Reduce(newest, codec.String),
			func(r operators.Reduced[string]) string { return r.Value })),
		weather: anyUpdate,
		oracle: func(history []event) (want []string) {
			all, at := map[string]string{}, map[string]int64{}
			for _, e := range history {
				if !e.nullKey && !e.null {
					all[e.key] += e.value
					at[e.key] = max(at[e.key], e.at)
					want = append(want, line(e.key, all[e.key][max(0, len(all[e.key])-20):], at[e.key]))
				}
			}
			return want
		},
	})
}

// updates is what a table of the history gives as a stream: the oracle of ToTable and TableFrom.
func updates(history []event) (want []string) {
	there := map[string]bool{}
	for _, e := range history {
		switch {
		case e.nullKey:
			continue
		case e.null && !there[e.key]:
		case e.null:
			want = append(want, line(e.key, "∅", e.at))
		default:
			want = append(want, line(e.key, e.value, e.at))
		}
		there[e.key] = !e.null
	}
	return want
}

func tableOfWords(topo *stream.Topology) stream.Table[string, string] {
	flagged := words
	flagged.NullValues = true
	return operators.ToTable("table", stream.From(topo, flagged), codec.String)
}

func TestRandomTable(t *testing.T) {
	for name, table := range map[string]func(*stream.Topology) stream.Table[string, string]{
		"to table":   tableOfWords,
		"table from": func(topo *stream.Topology) stream.Table[string, string] { return stream.TableFrom(topo, words) },
	} {
		t.Run(name, func(t *testing.T) {
			equivalent(t, scenario{
				build:   func(topo *stream.Topology) { stream.To(operators.ToStream(table(topo)), lines) },
				weather: anyUpdate,
				oracle:  updates,
			})
		})
	}
}

// What PerCommit gives is some of the updates, in their order, and leads to the same table.
func TestRandomPerCommit(t *testing.T) {
	equivalent(t, scenario{
		build:   func(topo *stream.Topology) { stream.To(operators.PerCommit(tableOfWords(topo)), lines) },
		weather: anyUpdate,
		oracle:  updates,
		equal: func(t *testing.T, want, got []string, msg string) {
			t.Helper()
			last := ""
			i := 0
			for _, g := range got {
				for i < len(want) && want[i] != g {
					i++
				}
				require.Less(t, i, len(want), "%s is no update, or out of order: %s", g, msg)
				i++
				last = g
			}
			end := want[len(want)-1]
			if last == "" || strings.Contains(last, "∅") { // came and went within one commit
				require.Contains(t, end, "∅", msg)
				return
			}
			require.Equal(t, end, last, msg)
		},
	})
}

// Joins with a table that is read by two of them. Times ascend, so that tasks take the records in the order of sending.
func TestRandomJoinTable(t *testing.T) {
	equivalent(t, scenario{
		build: func(topo *stream.Topology) {
			in, table := stream.From(topo, words), stream.TableFrom(topo, other)
			inner := operators.JoinTable(in, table, func(v, row string) string { return "inner:" + v + ":" + row })
			left := operators.LeftJoinTable(in, table, func(v, row string, ok bool) string {
				return fmt.Sprintf("left:%s:%s:%v", v, row, ok)
			})
			stream.To(operators.Merge(inner, left), lines)
		},
		weather: updateInOrder,
		oracle: func(history []event) (want []string) {
			table := map[string]string{}
			for _, e := range history {
				row, ok := table[e.key]
				ok = ok && !e.nullKey
				if !ok {
					row = ""
				}
				switch {
				case e.other && e.nullKey, !e.other && e.null:
				case e.other && e.null:
					delete(table, e.key)
				case e.other:
					table[e.key] = e.value
				default:
					key := e.key
					if e.nullKey {
						key = "∅"
					}
					if ok {
						want = append(want, line(key, "inner:"+e.value+":"+row, e.at))
					}
					want = append(want, line(key, fmt.Sprintf("left:%s:%s:%v", e.value, row, ok), e.at))
				}
			}
			return want
		},
	})
}

// Timers set, taken back and set by timers, against a sorted list.
func TestRandomTimers(t *testing.T) {
	equivalent(t, scenario{
		build: piped(process(alarms(func(p *processor, at timer) error {
			p.Emit(at.Name)
			if at.At%3 == 0 && at.At < latest-70 {
				p.SetTimer(at.Key, "again", at.At+70)
			}
			return nil
		}))),
		weather: func(c *climate, _ int) event {
			e := c.event()
			e.nullKey = false
			at := min(c.now, latest-350) + c.Int64N(40)*10 - 50
			e.value = fmt.Sprintf("%cn%d %d", "+++-"[c.IntN(4)], c.IntN(3), at)
			return e
		},
		oracle: func(history []event) (want []string) {
			set, clock := map[timer]bool{}, int64(0)
			for _, e := range history {
				var name string
				var at int64
				_, _ = fmt.Sscanf(e.value[1:], "%s %d", &name, &at)
				if e.value[0] == '+' {
					set[timer{Key: e.key, Name: name, At: max(at, 0)}] = true
				} else {
					delete(set, timer{Key: e.key, Name: name, At: max(at, 0)})
				}
				clock = max(clock, e.at)
				for len(set) > 0 {
					first := slices.MinFunc(slices.Collect(maps.Keys(set)), func(a, b timer) int {
						return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Key+a.Name, b.Key+b.Name))
					})
					if first.At > clock {
						break
					}
					delete(set, first)
					want = append(want, line(first.Key, first.Name, first.At))
					if first.At%3 == 0 && first.At < latest-70 {
						set[timer{Key: first.Key, Name: "again", At: first.At + 70}] = true
					}
				}
			}
			return want
		},
		group: func(string) string { return "" }, // all of a partition's, and so in one partition only
	})
}

// A periodic function of the clock, over a store that it scans: what is not seen for 100 ms is forgotten.
func TestRandomClockTimer(t *testing.T) {
	equivalent(t, scenario{
		build: piped(process(func(p *processor) function {
			last := state.Map[string, int64]{Name: "last", Key: codec.String, Value: codec.Int64}.Open(p)
			p.Every(100*time.Millisecond, func(now int64) error {
				last.Scan(func(k string, at *int64) bool {
					if *at < now-100 {
						p.EmitFor(k, fmt.Sprint("forgotten since ", *at), now)
						last.Delete(k)
					}
					return true
				})
				return nil
			})
			return func(r *text) error {
				if !r.NullKey {
					last.Put(r.Key, r.Time)
				}
				return nil
			}
		})),
		weather: anyEvent,
		oracle: func(history []event) (want []string) {
			last, clock, ticks := map[string]int64{}, int64(0), int64(-1)
			for _, e := range history {
				if !e.nullKey {
					last[e.key] = e.at
				}
				if clock = max(clock, e.at); clock/100 == ticks {
					continue
				}
				ticks = clock / 100
				for k, at := range last {
					if at < clock-100 {
						want = append(want, line(k, fmt.Sprint("forgotten since ", at), clock))
						delete(last, k)
					}
				}
			}
			return want
		},
	})
}

// Records that had one key and get one new key stay in order, with their times; nothing is lost and nothing doubled.
func TestRandomKeyBy(t *testing.T) {
	equivalent(t, scenario{
		build: piped(func(in texts) texts {
			numbered := operators.MapRecord(in, func(r, out *text) { out.Value = r.Key + ":" + r.Value })
			again := operators.KeyBy("by-digit", stream.Encode(numbered, codec.String), codec.String,
				func(v string) string { return v[len(v)-1:] })
			return operators.Repartition("spread", 5, again)
		}),
		weather: func(c *climate, i int) event {
			e := c.event()
			e.value = fmt.Sprintf("%d-%d", i, c.IntN(10))
			return e
		},
		global: true,
		oracle: func(history []event) (want []string) {
			for _, e := range history {
				if e.nullKey {
					e.key = ""
				}
				want = append(want, line(e.value[len(e.value)-1:], e.key+":"+e.value, e.at))
			}
			return want
		},
		group: func(line string) string { key, _, _ := strings.Cut(line, ":"); return key },
	})
}

// State behind a repartition topic: every record is counted once, whatever happens on either side of the topic.
func TestRandomCountByNewKey(t *testing.T) {
	equivalent(t, scenario{
		build: piped(func(in texts) texts {
			byDigit := operators.KeyBy("by-digit", in, codec.String, func(v string) string { return v[len(v)-1:] })
			counts := operators.Aggregate("counts", byDigit, operators.Count[string]())
			return operators.MapRecord(operators.ToStream(counts), func(r *stream.Record[string, int64], out *text) {
				out.Value, out.Time = fmt.Sprint(r.Value), 0
			})
		}),
		weather: anyEvent,
		global:  true,
		oracle: func(history []event) (want []string) {
			n := map[string]int{}
			for _, e := range history {
				digit := e.value[len(e.value)-1:]
				n[digit]++
				want = append(want, line(digit, n[digit], 0))
			}
			return want
		},
	})
}

// PerCommit feeds state of its own: the outer sum of each key is that of its newest counts.
func TestRandomStateBehindPerCommit(t *testing.T) {
	equivalent(t, scenario{
		build: piped(func(in texts) texts {
			counts := operators.PerCommit(operators.Aggregate("counts", in, operators.Count[string]()))
			highest := operators.Aggregate("highest", counts, operators.Max(func(n int64) int64 { return n }, codec.Int64))
			return operators.Map(operators.PerCommit(highest), func(r operators.Reduced[int64]) string {
				return fmt.Sprint(r.Value)
			})
		}),
		weather: anyEvent,
		oracle: func(history []event) (want []string) {
			n := map[string]int{}
			for _, e := range history {
				if !e.nullKey {
					n[e.key]++
				}
			}
			for k, v := range n {
				want = append(want, fmt.Sprint(k, " ", v))
			}
			return want
		},
		equal: func(t *testing.T, want, got []string, msg string) {
			t.Helper()
			require.NotEmpty(t, got, msg)
			require.True(t, strings.HasPrefix(got[len(got)-1], want[0]+" @"), "%v, not %v: %s", got, want, msg)
		},
	})
}
