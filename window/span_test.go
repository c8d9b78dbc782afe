// SPDX-License-Identifier: Apache-2.0

package window

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSpanIsHalfOpen(t *testing.T) {
	t.Parallel()
	for start := int64(0); start < 6; start++ {
		for end := start; end < 6; end++ {
			s, n := Span{start, end}, int64(0)
			for at := int64(-1); at < 8; at++ {
				in := at >= start && at < end
				if s.Contains(at) != in {
					t.Fatalf("%+v contains %d: %v", s, at, !in)
				}
				if in {
					n++
				}
			}
			if s.Len() != n || s.Empty() != (n == 0) {
				t.Fatalf("%+v: Len %d, Empty %v, has %d instants", s, s.Len(), s.Empty(), n)
			}
			for start2 := int64(0); start2 < 6; start2++ {
				for end2 := start2; end2 < 6; end2++ {
					o, common := Span{start2, end2}, false
					for at := int64(0); at < 6; at++ {
						common = common || s.Contains(at) && o.Contains(at)
					}
					if s.Overlaps(o) != common {
						t.Fatalf("%+v overlaps %+v: %v", s, o, !common)
					}
				}
			}
		}
	}
}

func TestSpanWithoutEnd(t *testing.T) {
	t.Parallel()
	s := Span{10, Forever}
	if !s.Contains(math.MaxInt64) || s.Contains(9) || s.Len() != Forever {
		t.Errorf("%v: a span without end contains all later instants", s)
	}
	if s.Closed(math.MaxInt64, 0) || s.ClosesAt(0) != Forever || s.ClosesAt(99) != Forever {
		t.Errorf("%v must never close", s)
	}
	if got := s.String(); got != "[1970-01-01T00:00:00.01Z, ∞)" {
		t.Errorf("String: %s", got)
	}
}

func TestSpanString(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	s := Span{start.UnixMilli(), start.Add(1500 * time.Millisecond).UnixMilli()}
	if got := s.String(); got != "[2026-01-02T15:04:05Z, 2026-01-02T15:04:06.5Z)" {
		t.Errorf("String: %s", got)
	}
	if !s.From().Equal(start) || s.To().Sub(s.From()) != 1500*time.Millisecond || s.From().Location() != time.UTC {
		t.Errorf("From %v, To %v", s.From(), s.To())
	}
}

func TestSpanOrders(t *testing.T) {
	t.Parallel()
	spans := []Span{{3, 4}, {1, 9}, {1, 2}, {2, 9}}
	slices.SortFunc(spans, ByStart)
	if want := []Span{{1, 2}, {1, 9}, {2, 9}, {3, 4}}; !slices.Equal(spans, want) {
		t.Errorf("ByStart: %v", spans)
	}
	slices.SortFunc(spans, ByEnd)
	if want := []Span{{1, 2}, {3, 4}, {1, 9}, {2, 9}}; !slices.Equal(spans, want) {
		t.Errorf("ByEnd: %v", spans)
	}
}

func TestSpanClosesWhenTheClockReachesEndAndLinger(t *testing.T) {
	t.Parallel()
	s := Span{0, 10}
	for clock := int64(-5); clock < 30; clock++ {
		if got, want := s.Closed(clock, 4), clock >= 14; got != want {
			t.Errorf("at %d closed is %v", clock, got)
		}
	}
	if (Span{0, Forever - 3}).Closed(math.MaxInt64, 4) {
		t.Error("what would close past the end of time never closes")
	}
}

func TestPaneAsJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(Pane[int]{Span: Span{1, 2}, Value: 3, Final: true})
	if err != nil || string(text) != `{"span":{"start":1,"end":2},"value":3,"final":true}` {
		t.Errorf("%s %v", text, err)
	}
}

func TestEmit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		emit     Emit
		name     string
		interval int64
		final    bool
		wrong    string
	}{
		{EachUpdate, "EachUpdate", 0, false, ""},
		{PerCommit, "PerCommit", 0, false, ""},
		{OnClose, "OnClose", 0, true, ""},
		{Every(1500 * time.Millisecond), "Every(1.5s)", 1500, true, ""},
		{Every(0), "Emit(-3)", 0, false, "wants at least 1ms"},
		{Every(-1), "Emit(-3)", 0, false, "wants at least 1ms"},
		{Every(time.Microsecond), "Every(1µs)", 0, true, "whole milliseconds"},
	} {
		if c.emit.String() != c.name || c.emit.Interval() != c.interval || c.emit.FinalPane() != c.final {
			t.Errorf("%v: interval %d, final %v; want %+v", c.emit, c.emit.Interval(), c.emit.FinalPane(), c)
		}
		err := Tumbling{Size: time.Second, Emit: c.emit}.Validate()
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%v: %v", c.emit, err)
		}
	}
	if Every(time.Second) != Every(1000*time.Millisecond) || Every(time.Second) == Every(time.Minute) {
		t.Error("emits are compared with ==")
	}
}
