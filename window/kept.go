// SPDX-License-Identifier: Apache-2.0

package window

// KeptLeft is how long after its time, on the clock and in milliseconds, a left record is kept: until it is closed, and
// as long as it is in reach of a right record that is open. It is kept at the last of these instants, not after it.
func (w Within) KeptLeft() int64 {
	return max(max(ms(w.After), ms(w.Before)+ms(w.After))+ms(w.Grace), 0)
}

// KeptRight is how long after its time a right record is kept. See KeptLeft.
func (w Within) KeptRight() int64 {
	return max(max(ms(w.Before), ms(w.Before)+ms(w.After))+ms(w.Grace), 0)
}
