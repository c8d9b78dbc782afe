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

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// wallBegins is where the wall stands when a history begins, in milliseconds.
var wallBegins = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// wallAlarms is alarms on the wall, with times since wallBegins: "+name time number" sets a timer, "-name time number"
// takes it back. One that is set for the past comes at the next step, which may be before the next record or behind it:
// it is called "past" and the number, so that it is there once.
func wallAlarms(p *processor) function {
	p.OnWallTimer(func(at timer) error {
		at.At -= wallBegins
		if strings.HasPrefix(at.Name, "past") {
			p.EmitAt(at.Name, max(at.At, 0))
			return nil
		}
		p.Emit(fmt.Sprint(at.Name, " for ", at.At))
		if at.At%3 == 0 {
			p.SetWallTimer(at.Key, "again", time.UnixMilli(wallBegins+at.At+700))
		}
		return nil
	})
	return func(r *text) error {
		do, name, at, i := alarmOf(r.Value)
		wall := time.UnixMilli(wallBegins + at)
		switch {
		case do == "-":
			p.DeleteWallTimer(r.Key, name, wall)
		case wall.After(p.Wall()):
			p.SetWallTimer(r.Key, name, wall)
		default:
			p.SetWallTimer(r.Key, fmt.Sprint("past", i), wall)
		}
		return nil
	}
}

func alarmOf(value string) (do, name string, at, i int64) {
	_, _ = fmt.Sscanf(value[1:], "%s %d %d", &name, &at, &i)
	return value[:1], name, at, i
}

// Timers on the wall against a sorted list: once each, by time, key and name, whatever falls or moves in between.
func TestRandomWallTimers(t *testing.T) {
	equivalent(t, scenario{
		build: piped(process(wallAlarms)),
		moves: true,
		weather: func(c *climate, i int) event {
			e := c.event()
			e.nullKey = false
			at := (c.wall/500 + c.Int64N(7) - 1) * 500
			e.value = fmt.Sprintf("%cn%d %d %d", "++-"[c.IntN(3)], c.IntN(2), at, i)
			return e
		},
		oracle: wallTimersOracle,
		group: func(line string) string {
			if strings.Contains(line, "past") {
				return line
			}
			return "" // all of a partition's, and so in one partition only
		},
	})
}

func wallTimersOracle(history []event) (want []string) {
	set, wall, clock := map[timer]bool{}, int64(0), int64(0)
	for _, e := range history {
		if e.moved == "" {
			clock = max(clock, e.at)
			switch do, name, at, i := alarmOf(e.value); {
			case do == "-":
				delete(set, timer{Key: e.key, Name: name, At: at})
			case at > wall:
				set[timer{Key: e.key, Name: name, At: at}] = true
			default:
				want = append(want, line(e.key, fmt.Sprint("past", i), max(at, 0)))
			}
			continue
		}
		for wall += e.wall; len(set) > 0; {
			first := slices.MinFunc(slices.Collect(maps.Keys(set)), func(a, b timer) int {
				return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Key+a.Name, b.Key+b.Name))
			})
			if first.At > wall {
				break
			}
			delete(set, first)
			want = append(want, line(first.Key, fmt.Sprint(first.Name, " for ", first.At), clock))
			if first.At%3 == 0 {
				set[timer{Key: first.Key, Name: "again", At: first.At + 700}] = true
			}
		}
	}
	return want
}

// A periodic function of the wall, over a store that it scans: what the wall has not seen for 700 ms is forgotten. Its
// interval begins anew with the task.
func TestRandomWallTicks(t *testing.T) {
	const every = 700
	equivalent(t, scenario{
		build: piped(process(func(p *processor) function {
			last := state.Map[string, int64]{Name: "last", Key: codec.String, Value: codec.Int64}.Open(p)
			p.EveryWall(every*time.Millisecond, func(now time.Time) error {
				p.EmitFor("tick", fmt.Sprint(now.UnixMilli()-wallBegins), p.Now())
				last.Scan(func(k string, at *int64) bool {
					if *at <= now.UnixMilli()-every {
						p.EmitFor(k, fmt.Sprint("forgotten since ", *at-wallBegins), p.Now())
						last.Delete(k)
					}
					return true
				})
				return nil
			})
			return func(r *text) error {
				if !r.NullKey {
					last.Put(r.Key, p.Wall().UnixMilli())
				}
				return nil
			}
		})),
		moves:      true,
		partitions: 1, // else it is not known which tasks move
		weather:    anyEvent,
		oracle: func(history []event) (want []string) {
			last, wall, begun, clock := map[string]int64{}, int64(0), int64(0), int64(0)
			for _, e := range history {
				switch {
				case e.moved == "":
					clock = max(clock, e.at)
					if !e.nullKey {
						last[e.key] = wall
					}
				case !strings.HasPrefix(e.moved, "advance"):
					begun = wall
				default:
					before := (wall - begun) / every
					if wall += e.wall; (wall-begun)/every == before {
						continue
					}
					want = append(want, line("tick", wall, clock))
					for k, at := range last {
						if at <= wall-every {
							want = append(want, line(k, fmt.Sprint("forgotten since ", at), clock))
							delete(last, k)
						}
					}
				}
			}
			return want
		},
	})
}

// thronging is many timers at once, which do what timers may: "first by number" sets so many, called a and b in turn.
// Some take back one that is to come, some set one for before their own time, which comes after the next record. A
// periodic function goes before them.
func thronging(p *processor) function {
	var key string
	p.Every(time.Second, func(now int64) error { p.EmitFor(key, "tick", now); return nil })
	p.OnTimer(func(at timer) error {
		p.Emit(at.Name)
		if at.At%7 == 0 && at.At < latest-3 {
			p.DeleteTimer(at.Key, "a", at.At+3)
		}
		if at.Name == "b" && at.At%5 == 1 {
			p.SetTimer(at.Key, "past", at.At-1)
		}
		return nil
	})
	return func(r *text) error {
		var first, by, n int64
		_, _ = fmt.Sscan(r.Value, &first, &by, &n)
		for i := range n {
			p.SetTimer(r.Key, "ab"[i%2:][:1], first+i*by)
		}
		key = r.Key
		return nil
	}
}

// However many timers a leap of the clock meets, they come in order, with what they set and take back.
func TestRandomManyTimers(t *testing.T) {
	equivalent(t, scenario{
		build: piped(process(thronging)),
		weather: func(c *climate, _ int) event {
			e := c.event()
			e.nullKey = false
			first := max(min(c.now, latest-1000)-100+c.Int64N(400), 0)
			e.value = fmt.Sprint(first, c.IntN(6), c.IntN(4))
			if c.IntN(20) == 0 {
				e.value = fmt.Sprint(first, c.IntN(6), c.IntN(100))
			}
			return e
		},
		oracle: throngOracle,
		group:  func(string) string { return "" }, // all of a partition's, and so in one partition only
	})
}

func throngOracle(history []event) (want []string) {
	set, clock, ticks := map[timer]bool{}, int64(0), int64(-1)
	for _, e := range history {
		var first, by, n int64
		_, _ = fmt.Sscan(e.value, &first, &by, &n)
		for i := range n {
			set[timer{Key: e.key, Name: "ab"[i%2:][:1], At: first + i*by}] = true
		}
		if clock = max(clock, e.at); clock/1000 > ticks {
			want, ticks = append(want, line(e.key, "tick", clock)), clock/1000
		}
		due := slices.Collect(maps.Keys(set))
		slices.SortFunc(due, func(a, b timer) int {
			return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Key+a.Name, b.Key+b.Name))
		})
		for _, at := range due {
			if at.At > clock || !set[at] {
				continue
			}
			delete(set, at)
			want = append(want, line(at.Key, at.Name, at.At))
			if at.At%7 == 0 && at.At < latest-3 {
				delete(set, timer{Key: at.Key, Name: "a", At: at.At + 3})
			}
			if at.Name == "b" && at.At%5 == 1 {
				set[timer{Key: at.Key, Name: "past", At: at.At - 1}] = true
			}
		}
	}
	return want
}
