// SPDX-License-Identifier: Apache-2.0

package window

import (
	"testing"
	"time"
)

// What is wrong with a window is said in one go, field by field.
func TestValidate(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, c := range []struct {
		w    interface{ Validate() error }
		want string
	}{
		{Tumbling{Size: s, Offset: -3 * s, Grace: s}, ""},
		{Tumbling{}, "window.Tumbling.Size is 0s: must be at least 1ms"},
		{Tumbling{Size: -s}, "window.Tumbling.Size is -1s: must be at least 1ms"},
		{Tumbling{Size: 1500 * time.Microsecond}, "window.Tumbling.Size is 1.5ms: must be whole milliseconds"},
		{Tumbling{Size: s, Offset: 5}, "window.Tumbling.Offset is 5ns: must be whole milliseconds"},
		{Tumbling{Size: s, Grace: -s, Emit: Emit(-7)}, "window.Tumbling.Grace is -1s: must not be negative\n" +
			"window.Tumbling.Emit is not valid: Every wants at least 1ms"},
		{Tumbling{Size: s, Emit: Every(-s)}, "window.Tumbling.Emit is not valid: Every wants at least 1ms"},

		{Hopping{Size: s, Advance: s}, ""},
		{Hopping{Size: s}, "window.Hopping.Advance is 0s: must be at least 1ms"},
		{Hopping{Size: s, Advance: 2 * s}, "window.Hopping.Advance is 2s, longer than the Size of 1s: " +
			"records between two windows would be lost"},
		{Hopping{Size: 24 * time.Hour, Advance: s}, ""},
		{Hopping{Size: 24 * time.Hour, Advance: time.Millisecond}, "window.Hopping.Size is 24h0m0s and Advance 1ms: " +
			"a record would belong to 86400000 windows, and 1048576 is the limit"},

		{Sliding{Size: s}, ""},
		{Sliding{Grace: -1}, "window.Sliding.Size is 0s: must be at least 1ms\n" +
			"window.Sliding.Grace is -1ns: must not be negative"},

		{Session{Gap: s}, ""},
		{Session{}, "window.Session.Gap is 0s: must be at least 1ms"},

		{Unlimited{}, ""},
		{Unlimited{From: time.UnixMilli(50), Emit: PerCommit}, ""},
		{Unlimited{Emit: OnClose}, "window.Unlimited.Emit is OnClose: " +
			"the window never closes, so nothing would be sent"},

		{Count{Size: 3}, ""},
		{Count{Size: 3, Advance: 3, Emit: OnClose}, ""},
		{Count{}, "window.Count.Size is 0: must be at least 1 record"},
		{Count{Size: -1, Advance: -2, Emit: Every(0)}, "window.Count.Size is -1: must be at least 1 record\n" +
			"window.Count.Advance is -2: must be at least 1 record, or 0 for Size\n" +
			"window.Count.Emit is not valid: Every wants at least 1ms"},
		{Count{Size: 2, Advance: 5}, "window.Count.Advance is 5, more than the Size of 2: " +
			"records between two windows would be lost"},
		{Count{Size: 1 << 21, Advance: 1}, "window.Count.Size is 2097152 and Advance 1: " +
			"a record would belong to 2097152 windows, and 1048576 is the limit"},

		{Within{}, ""},
		{Within{Before: s}, ""},
		{Within{Before: -s, After: s}, ""},
		{Within{Before: s, After: -s}, ""},
		{Within{Before: -s, After: s / 2}, "window.Within.Before is -1s and After 500ms: " +
			"no time lies from 1s after the left record to 500ms after it"},
		{Within{Before: s, After: -2 * s}, "window.Within.Before is 1s and After -2s: " +
			"no time lies from -1s after the left record to -2s after it"},
		{Within{Before: -s, After: -s}, "window.Within.Before is -1s and After -1s: " +
			"no time lies from 1s after the left record to -1s after it"},
		{Within{Grace: -s}, "window.Within.Grace is -1s: must not be negative"},
	} {
		got := ""
		if err := c.w.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.w, got, c.want)
		}
	}
}
