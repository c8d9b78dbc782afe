// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// processVerbs are functions of a program's own: what they are given, their stores, sides and timers.
var processVerbs = map[string]func(s *scripted){
	// Each value once, in a store called seen.
	"process": func(s *scripted) {
		seen := state.Map[string, int64]{Name: "seen", Key: codec.String, Value: codec.Int64}
		s.to(operators.Process("dedup", s.words(), func(p *processor) function {
			store := seen.Open(p)
			return func(r *text) error {
				n, existed := store.Upsert(r.Value)
				if *n++; !existed {
					p.Emit(r.Value)
				}
				return nil
			}
		}))
	},
	// One result of each way to send one.
	"emit": func(s *scripted) {
		s.to(process(func(p *processor) function {
			return func(r *text) error {
				if r.NullValue {
					p.Emit("null")
					return nil
				}
				p.Emit("1")
				p.EmitAt("2", 99)
				p.EmitFor("else", "3", 98)
				p.Emit("4")
				return nil
			}
		})(s.words()))
	},
	// The length of each value under that value, to numbers.
	"side": func(s *scripted) {
		lengths := operators.Side[string, int64]{Key: codec.String, Value: codec.Int64}
		s.to(operators.Process("p", s.words(), func(p *processor) function {
			length := lengths.Open(p.Task)
			return func(r *text) error {
				length(&stream.Record[string, int64]{
					Key: r.Value, Value: int64(len(r.Value)), Time: r.Time, Headers: r.Headers,
				})
				p.Emit(strings.ToUpper(r.Value))
				return nil
			}
		}, &lengths))
		stream.To(lengths.Stream(), scriptNumbers)
	},
	"ticks": func(s *scripted) {
		s.to(process(func(p *processor) function {
			p.Every(time.Second, func(now int64) error { p.EmitFor("clock", fmt.Sprint(now), now); return nil })
			p.EveryWall(time.Minute, func(now time.Time) error {
				p.EmitFor("wall", now.Format(time.TimeOnly), now.UnixMilli())
				return nil
			})
			return func(*text) error { return nil }
		})(s.words()))
	},
	// "+NAME TIME" sets a timer, "-NAME TIME" takes it back.
	"timers": func(s *scripted) { s.to(process(alarms(ring))(s.words())) },
	"ttl": func(s *scripted) {
		s.to(process(counting(state.TTL{After: 100 * ms, Wall: s.is("by", "wall", "clock")}))(s.words()))
	},
}
