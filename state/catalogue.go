// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/irmak-go/irmak/internal/invariants"
)

// Catalogue gives stores their own part of a database: a number per store name, kept in the database itself, and from
// it the prefix of each of the store's partitions. Any goroutine.
//
//  1. A name keeps its number for the life of the database. No two names share one, and none is 0.
//  2. What is written under a prefix survives a crash only together with the number: the number was written before.
type Catalogue struct {
	db  DB
	mu  sync.Mutex
	ids map[string]uint32
}

// The catalogue's keys: docs/formats/pebble-keys.md.
var (
	versionKey   = []byte{0, 0, 0, 0, 'v'}
	cataloguePfx = []byte{0, 0, 0, 0, 'c'}
	metaPfx      = []byte{0, 0, 0, 0, 'm'}
)

// formatVersion is the version of all keys and values that this package writes into a database.
const formatVersion = 1

// OpenCatalogue reads the catalogue of db, which it begins if db is empty. A database that a later version of this
// library has written is refused.
func OpenCatalogue(db DB) (*Catalogue, error) {
	c := &Catalogue{db: db, ids: make(map[string]uint32)}
	v, ok, err := db.Get(versionKey, nil)
	if err != nil {
		return nil, fmt.Errorf("state database: %w", err)
	}
	if !ok {
		return c, c.write(versionKey, []byte{formatVersion})
	}
	if len(v) != 1 || v[0] != formatVersion {
		return nil, fmt.Errorf("state database has format %x, this program writes %d: use the program that wrote it, "+
			"or remove the state directory to have the state restored from Kafka", v, formatVersion)
	}
	err = each(db, cataloguePfx, func(name, id []byte) error {
		if len(id) != 4 {
			return fmt.Errorf("state database: number %x of store %q is damaged", id, name)
		}
		c.ids[string(name)] = binary.BigEndian.Uint32(id)
		return nil
	})
	return c, err
}

// each calls f with the keys below prefix, without it, and their values.
func each(db DB, prefix []byte, f func(key, value []byte) error) error {
	it, err := db.Scan(prefix, after(prefix))
	if err != nil {
		return fmt.Errorf("state database: %w", err)
	}
	for err == nil && it.Next() {
		err = f(it.Key()[len(prefix):], it.Value())
	}
	if err == nil {
		err = it.Err()
	}
	if cerr := it.Close(); err == nil {
		err = cerr
	}
	return err
}

func (c *Catalogue) write(key, value []byte) error {
	b := c.db.NewBatch()
	defer b.Close()
	if err := b.Set(key, value); err != nil {
		return fmt.Errorf("state database: catalogue: %w", err)
	}
	if err := b.Commit(); err != nil {
		return fmt.Errorf("state database: catalogue: %w", err)
	}
	return nil
}

// Prefix is where a partition of a store lies in the database. The store is entered if it is new.
func (c *Catalogue) Prefix(store string, partition int32) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.ids[store]
	if !ok {
		id = uint32(len(c.ids)) + 1
		for name, other := range c.ids {
			invariants.Check(other != id, "stores %q and %q have the number %d", name, store, id)
		}
		if err := c.write(concat(cataloguePfx, []byte(store)), binary.BigEndian.AppendUint32(nil, id)); err != nil {
			return nil, err
		}
		c.ids[store] = id
	}
	return prefixOf(id, partition), nil
}

func prefixOf(id uint32, partition int32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, id), uint32(partition))
}

// Holds says whether a store has any row in a partition.
func (c *Catalogue) Holds(store string, partition int32) (bool, error) {
	prefix, err := c.Prefix(store, partition)
	if err != nil {
		return false, err
	}
	it, err := c.db.Scan(prefix, after(prefix))
	if err != nil {
		return false, fmt.Errorf("state database: %w", err)
	}
	held := it.Next()
	return held, errors.Join(it.Err(), it.Close())
}

// Held is a partition of a store that the database holds state of.
type Held struct {
	Store     string
	Partition int32
	Position  Position
}

// Held lists what the database holds up to some position: what a process can say it is warm for.
func (c *Catalogue) Held() (held []Held, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make(map[uint32]string, len(c.ids))
	for name, id := range c.ids {
		names[id] = name
	}
	err = each(c.db, metaPfx, func(key, value []byte) error {
		if len(key) != prefixLen+1 || key[prefixLen] != positionTag {
			return nil
		}
		_, p, err := parsePosition(value)
		if err != nil {
			return err
		}
		id, partition := binary.BigEndian.Uint32(key), int32(binary.BigEndian.Uint32(key[4:]))
		held = append(held, Held{names[id], partition, p})
		return nil
	})
	return held, err
}

// Drop deletes what the database holds of a partition of a store, which must not be open.
func (c *Catalogue) Drop(store string, partition int32) error {
	prefix, err := c.Prefix(store, partition)
	if err != nil {
		return err
	}
	b := c.db.NewBatch()
	defer b.Close()
	if err := clearPrefix(b, prefix); err != nil {
		return fmt.Errorf("drop partition %d of store %q: %w", partition, store, err)
	}
	if err := b.Commit(); err != nil {
		return fmt.Errorf("drop partition %d of store %q: %w", partition, store, err)
	}
	return nil
}

// clearPrefix deletes everything under prefix, and what is kept beside it.
func clearPrefix(b Batch, prefix []byte) error {
	for _, tag := range []byte{positionTag, markTag} {
		if err := b.Delete(metaKey(nil, prefix, tag)); err != nil {
			return err
		}
	}
	index := concat(expiryPfx, prefix)
	if err := b.DeleteRange(index, after(index)); err != nil {
		return err
	}
	return b.DeleteRange(prefix, after(prefix))
}
