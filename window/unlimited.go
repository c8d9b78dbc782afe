// SPDX-License-Identifier: Apache-2.0

package window

import (
	"errors"
	"time"
)

// Unlimited is one window that never closes. Its panes are sent as the records come; Final never is.
//
//	Unlimited{}                         t=0 → [0,∞)   t=99 → [0,∞)
//	Unlimited{From: time.UnixMilli(50)} t=0 → none    t=99 → [50,∞)
type Unlimited struct {
	// From is where the window starts; records before it are ignored. Defaults to the zero time, which means 1970.
	From time.Time

	// Emit says when panes are sent; OnClose would never send any. Defaults to EachUpdate.
	Emit Emit
}

var _ Aligned = Unlimited{}

// Validate says what is wrong with the fields.
func (w Unlimited) Validate() error {
	var never error
	if w.Emit == OnClose {
		never = errors.New("Emit is OnClose: the window never closes, so nothing would be sent")
	}
	return invalid(w, never, w.Emit.validate())
}

// Linger is 0: there is no end after which the window could linger.
func (w Unlimited) Linger() int64 { return 0 }

// Emission is Emit.
func (w Unlimited) Emission() Emit { return w.Emit }

// Spans appends the window, unless t lies before it.
func (w Unlimited) Spans(dst []Span, t int64) []Span {
	if s := w.span(); s.Contains(t) {
		return append(dst, s)
	}
	return dst
}

func (w Unlimited) edges(int64) (oldest, newest Span) { return w.span(), w.span() }

func (w Unlimited) span() Span {
	if w.From.Unix() < 0 {
		return Span{Start: 0, End: Forever}
	}
	return Span{Start: w.From.UnixMilli(), End: Forever}
}
