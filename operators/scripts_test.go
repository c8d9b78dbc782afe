// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// scriptNumbers is a topic whose values are no texts.
var scriptNumbers = stream.Topic[string, int64]{Name: "numbers", Key: codec.String, Value: codec.Int64}

// scripted are the topologies of testdata/*.txt, from words, or words and other, to lines, numbers and rest. The first
// word of a case names one, the others tell what the case is about.
var scripted = map[string]func(c *streamtest.Case, topo *stream.Topology, in texts){
	"map": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(operators.Map(in, strings.ToUpper), lines)
	},
	"map-record": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(operators.MapRecord(in, func(r *text, out *text) {
			out.Value, out.Time = r.Value+" of "+r.Key, r.Time+10
			out.Headers = []stream.Header{{Key: "was", Value: []byte(strconv.FormatInt(r.Time, 10))}}
		}), lines)
	},
	"filter": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(operators.Filter(in, func(v string) bool { return len(v) > 1 }), lines)
	},
	"filter-map": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(operators.FilterMap(in, func(v string) (int64, bool) {
			n, err := strconv.ParseInt(v, 10, 64)
			return n, err == nil
		}), scriptNumbers)
	},
	"dedupe": func(_ *streamtest.Case, _ *stream.Topology, in texts) { stream.To(deduped(in), lines) },
	"flat-map": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(operators.FlatMap(in, func(v string) iter.Seq[string] { return slices.Values(strings.Fields(v)) }), lines)
	},
	"key-by": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(operators.KeyBy("first", in, codec.String, func(v string) string { return v[:min(1, len(v))] }), lines)
	},
	"repartition": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(operators.Repartition("one", 1, in), lines)
	},
	"branch": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		long, short := operators.Branch(in, func(v string) bool { return len(v) > 1 })
		stream.To(long, lines)
		stream.To(short, rest)
	},
	"split": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		parts := operators.Split(in, func(v string) bool { return len(v) > 2 }, func(v string) bool { return len(v) > 1 })
		stream.To(parts[0], lines)
		stream.To(operators.Map(parts[1], strings.ToUpper), lines)
		stream.To(parts[2], rest)
	},
	"merge": func(_ *streamtest.Case, topo *stream.Topology, in texts) {
		stream.To(operators.Merge(in, operators.Map(stream.From(topo, other), strings.ToUpper)), lines)
	},
	"try": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		good, bad := operators.Try(in, func(v string) (int64, error) { return strconv.ParseInt(v, 10, 64) })
		stream.To(good, scriptNumbers)
		stream.To(operators.Map(bad, func(f operators.Failed[string]) string {
			return f.Value + ": " + errors.Unwrap(f.Err).Error()
		}), rest)
	},
	"aggregate": func(c *streamtest.Case, _ *stream.Topology, in texts) {
		table := operators.Aggregate("totals", in, operators.Sum(func(v string) int64 { return int64(len(v)) }))
		if c.Setting("emit", "each") == "commit" {
			stream.To(operators.PerCommit(table), scriptNumbers)
			return
		}
		stream.To(operators.ToStream(table), scriptNumbers)
	},
	"count-by-value": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		byValue := operators.KeyBy("by-value", in, codec.String, func(v string) string { return v })
		stream.To(operators.ToStream(operators.Aggregate("counts", byValue, operators.Count[string]())), scriptNumbers)
	},
	"table": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(operators.ToStream(operators.ToTable("rows", in, codec.String)), lines)
	},
	"join": func(_ *streamtest.Case, topo *stream.Topology, in texts) {
		stream.To(operators.JoinTable(in, stream.TableFrom(topo, other), withRow), lines)
	},
	"left-join": func(_ *streamtest.Case, topo *stream.Topology, in texts) {
		stream.To(operators.LeftJoinTable(in, stream.TableFrom(topo, other), func(v, row string, ok bool) string {
			if !ok {
				return v + "+nothing"
			}
			return withRow(v, row)
		}), lines)
	},
	"versioned-join": func(_ *streamtest.Case, topo *stream.Topology, in texts) {
		stream.To(operators.JoinTable(in, stream.VersionedTableFrom(topo, other, time.Minute), withRow), lines)
	},
	"process": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		seen := state.Map[string, int64]{Name: "seen", Key: codec.String, Value: codec.Int64}
		stream.To(stream.Encode(operators.Process("dedup", in, func(p *processor) function {
			store := seen.Open(p)
			return func(r *text) error {
				n, existed := store.Upsert(r.Value)
				if *n++; !existed {
					p.Emit(r.Value)
				}
				return nil
			}
		}), codec.String), lines)
	},
	"ticks": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(process(func(p *processor) function {
			p.Every(time.Second, func(now int64) error { p.EmitFor("clock", fmt.Sprint(now), now); return nil })
			p.EveryWall(time.Minute, func(now time.Time) error {
				p.EmitFor("wall", now.Format(time.TimeOnly), now.UnixMilli())
				return nil
			})
			return func(*text) error { return nil }
		})(in), lines)
	},
	"global-join": func(_ *streamtest.Case, topo *stream.Topology, in texts) {
		table := stream.GlobalTableFrom(topo, other)
		stream.To(operators.JoinGlobal(in, table, selected, withRow), lines)
		left := operators.LeftJoinGlobal(in, table, selected, func(v, row string, ok bool) string {
			return fmt.Sprintf("%s+%s %v", v, row, ok)
		})
		stream.To(left, rest)
	},
	"ttl": func(_ *streamtest.Case, _ *stream.Topology, in texts) {
		stream.To(process(counting(state.TTL{After: 100 * time.Millisecond}))(in), lines)
	},
	"timers": func(_ *streamtest.Case, _ *stream.Topology, in texts) { stream.To(process(alarms(ring))(in), lines) },
}

func withRow(v, row string) string { return v + "+" + row }

// TestScripts runs testdata/*.txt. Settings of all cases: nulls=pass has words pass null values on, idle and disorder
// are those of words, in milliseconds.
func TestScripts(t *testing.T) {
	t.Parallel()
	build := func(tb testing.TB, c *streamtest.Case) *stream.Topology {
		name, _, _ := strings.Cut(c.Name, " ")
		f := scripted[name]
		if f == nil {
			tb.Fatalf("there is no topology called %q", name)
		}
		source := words
		source.NullValues = c.Setting("nulls", "drop") == "pass"
		source.Idle, source.Disorder = millisOf(tb, c, "idle"), millisOf(tb, c, "disorder")
		topo := stream.New("test")
		f(c, topo, stream.From(topo, source))
		return topo
	}
	streamtest.Cases(t, "testdata/*.txt", build, streamtest.Texts(words), streamtest.Texts(other), streamtest.Texts(lines),
		streamtest.Texts(rest), streamtest.Texts(scriptNumbers))
}
