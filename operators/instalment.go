// SPDX-License-Identifier: Apache-2.0

package operators

// instalment is what was given out last of rows that lie in a store in the order of their times, are given out so, and
// then expire. Where the rest is put off, rows of earlier times have expired, and those of the time at which it stopped
// are deleted one by one: the store has what is left, and nothing else. The zero value is ready.
type instalment[K any] struct {
	at      int64
	keys    []K // of that time, given out
	atLeast int // how many of them come before any are put off
}

// mostOfATime is how many rows of one time are given out at once where there are very many.
const mostOfATime = 1 << 14

// begin is called before rows are given out, of which none is earlier than from. Of very many at one time each look
// walks past all that were given out before it, so each gives out twice as many, up to mostOfATime.
func (i *instalment[K]) begin(from int64) {
	if i.atLeast = 0; from == i.at {
		i.atLeast = min(2*len(i.keys), mostOfATime)
	}
	i.at, i.keys = from, i.keys[:0]
}

// more says that too few of a time have been given out to stop there.
func (i *instalment[K]) more(at int64) bool { return at == i.at && len(i.keys) < i.atLeast }

func (i *instalment[K]) add(at int64, k K) {
	if at != i.at {
		clear(i.keys)
		i.at, i.keys, i.atLeast = at, i.keys[:0], 0
	}
	i.keys = append(i.keys, k)
}

// end takes what was given out of rows, when the first that was put off is at a time.
func (i *instalment[K]) end(at int64, rows interface {
	Expire(before int64)
	Delete(k K, start int64) bool
}) {
	rows.Expire(at)
	for n := 0; n < len(i.keys) && i.at == at; n++ {
		rows.Delete(i.keys[n], at)
	}
}
