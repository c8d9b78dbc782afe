// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"fmt"
	"slices"
)

// Prefetch brings the rows of keys into the cache, those that are missing together: sorted, through one iterator, which
// on disk is cheaper than to get them one by one as they are asked for. For keys of records that are about to be
// processed; asking for more than a quarter of the cache only evicts what was fetched first. Duplicates do no harm.
func (m *MapStore[K, V]) Prefetch(keys []K) {
	var wanted []wantedKey[K]
	var arena []byte
	prefix := m.core.back.Prefix
	for _, k := range keys {
		if m.index[k] != 0 {
			continue
		}
		begin := len(arena)
		var err error
		if arena, err = m.keys.codec.Append(append(arena, prefix...), k); err != nil {
			m.core.fail(fmt.Errorf("key %v: %w", k, err))
			return
		}
		wanted = append(wanted, wantedKey[K]{k, begin, len(arena)})
	}
	if len(wanted) == 0 {
		return
	}
	slices.SortFunc(wanted, func(a, b wantedKey[K]) int {
		return bytes.Compare(arena[a.begin:a.end], arena[b.begin:b.end])
	})
	it, err := m.core.back.DB.Scan(prefix, after(prefix))
	if err != nil {
		m.core.fail(fmt.Errorf("prefetch: %w", err))
		return
	}
	for _, w := range wanted {
		if m.index[w.key] == 0 && err == nil {
			err = m.fetchAt(it, w.key, arena[w.begin:w.end])
		}
	}
	if cerr := it.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		m.core.fail(fmt.Errorf("prefetch: %w", err))
	}
}

// wantedKey is a key with the place of its database key in an arena.
type wantedKey[K comparable] struct {
	key        K
	begin, end int
}

// fetchAt brings one row into the cache.
func (m *MapStore[K, V]) fetchAt(it Iterator, k K, at []byte) error {
	m.core.stats.Misses++
	if !it.SeekGE(at) || !bytes.Equal(it.Key(), at) {
		if err := it.Err(); err != nil {
			return err
		}
		m.add(k, unborn)
		return nil
	}
	if _, err := m.adopt(k, it.Value()); err != nil {
		return fmt.Errorf("value of key %v: %w", k, err)
	}
	return nil
}
