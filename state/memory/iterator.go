// SPDX-License-Identifier: Apache-2.0

package memory

import "github.com/tidwall/btree"

// iterator walks over a copy of the tree.
type iterator struct {
	it           btree.MapIter[string, []byte]
	lower, upper string
	bounded      bool // upper is a bound
	begun        bool
	key          []byte
}

func (i *iterator) Next() bool {
	if !i.begun {
		return i.seek(i.lower)
	}
	return i.within(i.it.Next())
}

func (i *iterator) SeekGE(key []byte) bool { return i.seek(max(i.lower, string(key))) }

func (i *iterator) seek(key string) bool {
	i.begun = true
	return i.within(i.it.Seek(key))
}

func (i *iterator) Last() bool {
	i.begun = true
	ok := false
	if i.bounded && i.it.Seek(i.upper) {
		ok = i.it.Prev()
	} else {
		ok = i.it.Last()
	}
	return i.within(ok)
}

// within says whether the walk stands on a key inside the bounds, given that it stands on one at all.
func (i *iterator) within(ok bool) bool {
	if !ok {
		return false
	}
	i.key = append(i.key[:0], i.it.Key()...)
	return string(i.key) >= i.lower && (!i.bounded || string(i.key) < i.upper)
}

func (i *iterator) Key() []byte   { return i.key }
func (i *iterator) Value() []byte { return i.it.Value() }
func (i *iterator) Err() error    { return nil }
func (i *iterator) Close() error  { return nil }
