// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/irmak-go/irmak/stream/codec"
)

// Distinct counts how often each item came that pick takes from the values. Two items are the same when their bytes
// are. It is how the top ten of many are kept exactly, and how tables are grouped by what they hold:
//
//	counts := Aggregate("sold", byCategory, Distinct(Sale.Product, codec.String))
//	top := Map(ToStream(counts), func(t Tally[string]) []Tallied[string] { return t.Top(10) })
//
// The accumulator grows with the number of different items, without a bound: some 60 bytes and twice the item's own for
// each in memory, and the item's bytes and two or three for each in the store, which is written whole at each commit
// in which it has changed, and copied for each record where a table keeps results. It is meant for hundreds or
// thousands; DistinctApprox counts millions in 16 KiB. An item that cannot be encoded fails the record.
func Distinct[V, T any](pick func(V) T, items codec.Codec[T]) Fold[V, Tally[T]] {
	fold := Fold[V, Tally[T]]{mistake: cmp.Or(given("function", pick == nil), given("codec", items == nil))}
	if fold.mistake != nil {
		return fold
	}
	fold.Init = func() Tally[T] { return Tally[T]{items: items} }
	fold.Add = func(t Tally[T], v V) Tally[T] { return t.add(items, pick(v)) }
	fold.Merge = func(earlier, later Tally[T]) Tally[T] { return Tally[T]{items: items, rows: united(earlier, later)} }
	fold.Remove = func(t Tally[T], v V) Tally[T] { return t.remove(items, pick(v)) }
	fold.Codec = tallyCodec[T]{items}
	return fold
}

// Tally says how often each of some items came. It is the accumulator of Distinct, which changes it in place.
//
//  1. rows are ordered by their bytes, of which no two are equal.
//  2. No count is below 1.
type Tally[T any] struct {
	items   codec.Codec[T] // nil in the zero value
	rows    []tallied[T]
	scratch []byte // an item's bytes, while it is looked for
}

type tallied[T any] struct {
	bytes string
	Tallied[T]
}

// Tallied is an item and how often it came.
type Tallied[T any] struct {
	Item  T
	Count int64
}

// Len is the number of different items.
func (t Tally[T]) Len() int { return len(t.rows) }

// Count is how often item came.
func (t Tally[T]) Count(item T) int64 {
	if t.items == nil {
		return 0
	}
	enc, err := t.items.Append(nil, item)
	if err != nil {
		return 0 // it could not have come
	}
	if at, found := t.find(enc); found {
		return t.rows[at].Count
	}
	return 0
}

// All gives the items and how often they came, in the order of their bytes.
func (t Tally[T]) All() iter.Seq2[T, int64] {
	return func(yield func(T, int64) bool) {
		for i := range t.rows {
			if !yield(t.rows[i].Item, t.rows[i].Count) {
				return
			}
		}
	}
}

// Top gives the n items that came most often, the most frequent first; those that came equally often in the order of
// their bytes. It looks at all items, and shares no memory with t but what items point to.
func (t Tally[T]) Top(n int) []Tallied[T] {
	if n < 1 {
		return nil
	}
	top := make([]Tallied[T], 0, min(n, len(t.rows)))
	for i := range t.rows {
		top = ranked(top, n, t.rows[i].Tallied, count[T], itself[T])
	}
	return top
}

func count[T any](t Tallied[T]) int64       { return t.Count }
func itself[T any](t Tallied[T]) Tallied[T] { return t }

func (t *Tally[T]) find(enc []byte) (at int, found bool) {
	return slices.BinarySearchFunc(t.rows, enc, func(r tallied[T], enc []byte) int {
		switch { // cmp.Compare would make a string of enc
		case r.bytes < string(enc):
			return -1
		case r.bytes > string(enc):
			return 1
		}
		return 0
	})
}

// look encodes item and looks for it.
func (t *Tally[T]) look(items codec.Codec[T], item T) (at int, found bool) {
	enc, err := items.Append(t.scratch[:0], item)
	if err != nil {
		panic(fmt.Errorf("distinct: item %v: %w", item, err))
	}
	t.scratch = enc
	return t.find(enc)
}

func (t Tally[T]) add(items codec.Codec[T], item T) Tally[T] {
	at, found := t.look(items, item)
	if found {
		t.rows[at].Count++
		return t
	}
	own, err := items.Decode(slices.Clone(t.scratch)) // not the record's memory
	if err != nil {
		panic(fmt.Errorf("distinct: item %v: %w", item, err))
	}
	t.items = items
	t.rows = slices.Insert(t.rows, at, tallied[T]{string(t.scratch), Tallied[T]{own, 1}})
	return t
}

// remove takes one of item away. One that is not there changes nothing.
func (t Tally[T]) remove(items codec.Codec[T], item T) Tally[T] {
	at, found := t.look(items, item)
	if !found {
		return t
	}
	if t.rows[at].Count--; t.rows[at].Count == 0 {
		t.rows = slices.Delete(t.rows, at, at+1)
	}
	return t
}

// united is the rows of both.
func united[T any](a, b Tally[T]) []tallied[T] {
	rows := make([]tallied[T], 0, max(len(a.rows), len(b.rows)))
	i, j := 0, 0
	for i < len(a.rows) && j < len(b.rows) {
		switch cmp.Compare(a.rows[i].bytes, b.rows[j].bytes) {
		case -1:
			rows, i = append(rows, a.rows[i]), i+1
		case 1:
			rows, j = append(rows, b.rows[j]), j+1
		default:
			rows = append(rows, a.rows[i])
			rows[len(rows)-1].Count += b.rows[j].Count
			i, j = i+1, j+1
		}
	}
	return append(append(rows, a.rows[i:]...), b.rows[j:]...)
}

// tallyCodec writes for each item, in the order of their bytes, the length of its bytes (a uvarint), these, and how
// often it came (a uvarint).
type tallyCodec[T any] struct{ items codec.Codec[T] }

func (c tallyCodec[T]) Append(dst []byte, t Tally[T]) ([]byte, error) {
	for i := range t.rows {
		dst = binary.AppendUvarint(appendMeasured(dst, t.rows[i].bytes), uint64(t.rows[i].Count))
	}
	return dst, nil
}

func (c tallyCodec[T]) Decode(src []byte) (Tally[T], error) {
	t := Tally[T]{items: c.items}
	text := string(src) // of which the rows' bytes are parts
	for len(src) > 0 {
		enc, rest, ok := measured(src)
		count, n := binary.Uvarint(rest)
		if !ok || n <= 0 || count < 1 || count > math.MaxInt64 {
			return t, fmt.Errorf("tally of %d bytes: item %d is cut short", len(text), len(t.rows))
		}
		end := len(text) - len(rest)
		r := tallied[T]{bytes: text[end-len(enc) : end]}
		if last := len(t.rows) - 1; last >= 0 && t.rows[last].bytes >= r.bytes {
			return t, fmt.Errorf("tally of %d bytes: item %d is out of order", len(text), len(t.rows))
		}
		item, err := c.items.Decode(enc)
		if err != nil {
			return t, fmt.Errorf("tally of %d bytes: item %d: %w", len(text), len(t.rows), err)
		}
		r.Tallied = Tallied[T]{item, int64(count)}
		t.rows, src = append(t.rows, r), rest[n:]
	}
	return t, nil
}
