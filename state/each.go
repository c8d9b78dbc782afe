// SPDX-License-Identifier: Apache-2.0

package state

import "math"

// Each calls yield for every row of an open store whose types the caller does not know, as the task sees it, until it
// returns false: for tools and tests that print what there is. The rows of a map come in the order of their keys' bytes
// with start -1, those of a versioned store, its latest, with the time from which they hold, those of a window by
// start, then key, without the expired ones, and sessions, by their last instants, with their first ones and a
// SessionRow as the value.
func Each(in Instance, yield func(key, value any, start int64) bool) {
	if s, ok := in.(interface {
		each(yield func(key, value any, start int64) bool)
	}); ok {
		s.each(yield)
	}
}

func (s *core[R]) each(yield func(key, value any, start int64) bool) { s.kind.each(yield) }

func (m *MapStore[K, V]) each(yield func(key, value any, start int64) bool) {
	m.Scan(func(k K, v *V) bool {
		if version, ok := any(*v).(interface{ since() (any, int64) }); ok {
			value, from := version.since()
			return yield(k, value, from)
		}
		return yield(k, *v, -1)
	})
}

func (v version[V]) since() (value any, from int64) { return v.val, v.from }

func (w *WindowStore[K, V]) each(yield func(key, value any, start int64) bool) {
	w.ScanSpan(0, math.MaxInt64, func(start int64, k K, v *V) bool {
		if row, ok := any(v).(interface {
			sessions(yield func(first int64, v any) bool) bool
		}); ok {
			return row.sessions(func(first int64, v any) bool { return yield(k, SessionRow{Last: start, Value: v}, first) })
		}
		return yield(k, *v, start)
	})
}

// SessionRow is the value of a session as Each gives it.
type SessionRow struct {
	Last  int64 // instant
	Value any
}

func (s *session[V]) sessions(yield func(first int64, v any) bool) bool {
	for ; s != nil; s = s.later {
		if !yield(s.first, s.val) {
			return false
		}
	}
	return true
}
