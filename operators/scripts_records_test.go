// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

func longerThan(n int) func(string) bool { return func(v string) bool { return len(v) > n } }

// recordVerbs are the operators of one record, and those that split streams and bring them together.
var recordVerbs = map[string]func(s *scripted){
	"map": func(s *scripted) { s.to(operators.Map(s.words(), strings.ToUpper)) },
	"maprecord": func(s *scripted) {
		s.to(operators.MapRecord(s.words(), func(r *text, out *text) {
			out.Key, out.Value, out.Time = "cannot change", r.Value+" of "+r.Key, r.Time+10
			out.Headers = []stream.Header{{Key: "was", Value: []byte(strconv.FormatInt(r.Time, 10))}}
		}))
	},
	"filter": func(s *scripted) { s.to(operators.Filter(s.words(), longerThan(1))) },
	"filtermap": func(s *scripted) {
		stream.To(operators.FilterMap(s.words(), func(v string) (int64, bool) {
			n, err := strconv.ParseInt(v, 10, 64)
			return n, err == nil
		}), scriptNumbers)
	},
	"dedupe": func(s *scripted) { s.to(deduped(s.words())) },
	"flatmap": func(s *scripted) {
		s.to(operators.FlatMap(s.words(), func(v string) iter.Seq[string] {
			if v == "nil" {
				return nil
			}
			return slices.Values(strings.Fields(v))
		}))
	},
	// How many records it has looked at by then.
	"peek": func(s *scripted) {
		looked := 0
		in := operators.Peek(s.words(), func(*text) { looked++ })
		s.to(operators.Map(in, func(v string) string { return fmt.Sprint(v, " is the ", looked, ".") }))
	},
	"keyby": func(s *scripted) {
		s.to(operators.KeyBy("first", s.words(), codec.String, func(v string) string { return v[:min(1, len(v))] }))
	},
	"repartition": func(s *scripted) { s.to(operators.Repartition("one", 1, s.words())) },
	"broadcast": func(s *scripted) {
		s.to(process(func(p *processor) function {
			return func(r *text) error { p.Emit(fmt.Sprintf("%s in %d", r.Value, p.Partition())); return nil }
		})(operators.Broadcast("all", s.words(), 2)))
	},
	"branch": func(s *scripted) {
		long, short := operators.Branch(s.words(), longerThan(1))
		s.to(long)
		s.toRest(short)
	},
	"split": func(s *scripted) {
		parts := operators.Split(s.words(), longerThan(2), longerThan(1))
		s.to(parts[0])
		s.to(operators.Map(parts[1], strings.ToUpper))
		s.toRest(parts[2])
	},
	"merge": func(s *scripted) {
		in := s.words()
		s.to(operators.Merge(in, operators.Map(s.other(), strings.ToUpper)))
	},
	// A stream that is used twice.
	"diamond": func(s *scripted) {
		in := s.words()
		left := operators.Map(in, prefix("left "))
		right := operators.Filter(operators.Map(in, prefix("right ")), func(v string) bool { return v != "right y" })
		s.to(operators.Merge(left, right, in, in))
	},
	"try": func(s *scripted) {
		good, bad := operators.Try(s.words(), func(v string) (int64, error) { return strconv.ParseInt(v, 10, 64) })
		stream.To(good, scriptNumbers)
		s.toRest(operators.Map(bad, func(f operators.Failed[string]) string {
			return f.Value + ": " + errors.Unwrap(f.Err).Error()
		}))
	},
	// With partitioner, length places keys by their lengths.
	"to": func(s *scripted) {
		topic := lines
		if s.is("partitioner", "length", "") {
			topic.Partition = func(key string, n int32) int32 { return int32(len(key)) % n }
		}
		stream.To(s.words(), topic)
	},
	"toeach": func(s *scripted) {
		in := s.words()
		stream.ToEach(in, lines, func(r *text) string {
			if len(r.Value) > 1 {
				return lines.Name
			}
			return rest.Name
		})
		never := operators.Filter(in, func(string) bool { return false }) // a plan that has both topics
		s.to(never)
		s.toRest(never)
	},
}
