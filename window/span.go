// SPDX-License-Identifier: Apache-2.0

package window

import (
	"cmp"
	"math"
	"time"
)

// Forever is the end of a span that never ends, and the instant at which what never closes closes. It is no time that
// a record can have.
const Forever int64 = math.MaxInt64

// Span is a stretch of event time, [Start, End), in milliseconds since 1970. With End == Forever it has no end.
type Span struct {
	Start int64 `json:"start"` // the first instant
	End   int64 `json:"end"`   // the first instant after it
}

// Contains tells whether the instant t lies in s.
func (s Span) Contains(t int64) bool { return s.Start <= t && (t < s.End || s.End == Forever) }

// Overlaps tells whether an instant lies in both s and o.
func (s Span) Overlaps(o Span) bool {
	return max(s.Start, o.Start) < min(s.End, o.End)
}

// Empty tells whether no instant lies in s.
func (s Span) Empty() bool { return s.Start >= s.End }

// Len is the number of milliseconds in s, or Forever if s has no end.
func (s Span) Len() int64 {
	if s.End == Forever {
		return Forever
	}
	return s.End - s.Start
}

// From is the first instant of s in UTC.
func (s Span) From() time.Time { return time.UnixMilli(s.Start).UTC() }

// To is the first instant after s in UTC.
func (s Span) To() time.Time { return time.UnixMilli(s.End).UTC() }

// ClosesAt is the first reading of the clock at which s is closed if its kind lingers so many milliseconds
// ([Kind].Linger), and Forever when that never comes.
func (s Span) ClosesAt(linger int64) int64 { return add(s.End, linger) }

// Closed tells whether s is closed at this reading of the clock: whether clock ≥ End + linger.
func (s Span) Closed(clock, linger int64) bool {
	at := s.ClosesAt(linger)
	return at <= clock && at != Forever
}

// String writes s as [2026-01-02T15:04:05Z, 2026-01-02T15:05:05Z), with as many decimals as it needs.
func (s Span) String() string {
	end := "∞"
	if s.End != Forever {
		end = s.To().Format(time.RFC3339Nano)
	}
	return "[" + s.From().Format(time.RFC3339Nano) + ", " + end + ")"
}

// ByStart orders spans by start, then end: the order in which aligned and sliding windows are emitted.
func ByStart(a, b Span) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
}

// ByEnd orders spans by end, then start: the order in which sessions are emitted.
func ByEnd(a, b Span) int {
	return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Start, b.Start))
}

// add is a+b for b ≥ 0, at most Forever.
func add(a, b int64) int64 {
	if a > Forever-b {
		return Forever
	}
	return a + b
}

// back is the instant d milliseconds before the clock's reading, 0 if that is before 1970 or the clock was never set.
// d may be negative. Forever is no reading: the clock stops just before it, so that what ends there never closes.
func back(clock, d int64) int64 {
	if clock < 0 {
		return 0
	}
	return instant(plus(min(clock, Forever-1), -d))
}

// plus is t+d for either sign of d, at most Forever.
func plus(t, d int64) int64 {
	if d < 0 {
		return t + d
	}
	return add(t, d)
}

// instant cuts off what lies before 1970.
func instant(t int64) int64 { return max(t, 0) }

// between is the span of the instants from first to last, both included, that are not before 1970.
func between(first, last int64) Span { return Span{Start: instant(first), End: instant(add(last, 1))} }
