// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/state"

// instalment is what was given out last of rows that lie in a store in the order of their times, are given out so, and
// then expire. Where the rest is put off, rows of earlier times have expired, and those of the time at which it stopped
// are deleted one by one: the store has what is left, and nothing else. The zero value is ready.
type instalment struct {
	at      int64
	n       int // rows of that time, given out
	atLeast int // how many of them come before any are put off
}

// mostOfATime is how many rows of one time are given out at once where there are very many.
const mostOfATime = 1 << 14

// begin is called before rows are given out, of which none is earlier than from. Of very many at one time each look
// walks past all that were given out before it, so each gives out twice as many, up to mostOfATime.
func (i *instalment) begin(from int64) {
	if i.atLeast = 0; from == i.at {
		i.atLeast = min(2*i.n, mostOfATime)
	}
	i.at, i.n = from, 0
}

// more says that too few of a time have been given out to stop there.
func (i *instalment) more(at int64) bool { return at == i.at && i.n < i.atLeast }

func (i *instalment) add(at int64) {
	if at != i.at {
		i.at, i.n, i.atLeast = at, 0, 0
	}
	i.n++
}

// expireSent takes out of rows what was given out, when the first row that was put off is at a time.
func expireSent[K comparable, V any](i *instalment, at int64, rows *state.WindowStore[K, V]) {
	rows.Expire(at)
	if i.at != at || i.n == 0 {
		return
	}
	keys := make([]K, 0, i.n) // found again, so that nothing need be kept of what is not put off
	rows.ScanSpan(at, at, func(_ int64, k K, _ *V) bool {
		keys = append(keys, k)
		return len(keys) < i.n
	})
	for _, k := range keys {
		rows.Delete(k, at)
	}
}
