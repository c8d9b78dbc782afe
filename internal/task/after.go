// SPDX-License-Identifier: Apache-2.0

package task

import "slices"

// afterHook is an operator that waits until all is said.
type afterHook struct {
	order int
	call  func()
	asked bool
}

// After gives a function that asks for f: it is called once everything has happened that the record in work causes, or
// the commit hook or timer when there is no record. Of several that were asked for, those of lower order go first; f
// may ask for those of higher order than its own.
//
// Where f stops halfway, by a failure that is passed over, it is called again.
func (t *Task) After(order int, f func()) (ask func()) {
	h := &afterHook{order: order, call: f}
	at, _ := slices.BinarySearchFunc(t.afters, order+1, func(h *afterHook, order int) int { return h.order - order })
	t.afters = slices.Insert(t.afters, at, h)
	return func() {
		if !h.asked {
			h.asked = true
			t.asked++
		}
	}
}

// CallAfters calls what was asked for. It is part of the record in work.
func (t *Task) CallAfters() {
	if t.asked == 0 {
		return
	}
	for _, h := range t.afters {
		if !h.asked {
			continue
		}
		if h.call(); t.failure != nil {
			return
		}
		h.asked = false
		t.asked--
	}
}

// catchUp calls what was asked for when no record is in work any more, or when it has failed and was passed over: what
// waits belongs to rows that are in the stores. Each failure is judged by itself.
func (t *Task) catchUp() {
	t.between++ // or a Between in what is called would call it again, before it is done
	defer func() { t.between-- }()
	for t.asked > 0 && t.failure == nil {
		t.guarded(t.CallAfters)
		if t.failure != nil {
			_ = t.judge()
		}
	}
}
