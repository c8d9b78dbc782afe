// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The database's keys that are not rows begin with four zero bytes, which no prefix does: docs/formats/pebble-keys.md.
const (
	prefixLen   = 8
	positionTag = 'p'
	markTag     = 'x'
)

// metaKey is the key of what a store keeps beside its rows.
func metaKey(dst, prefix []byte, tag byte) []byte {
	dst = append(dst, metaPfx...)
	dst = append(dst, prefix...)
	return append(dst, tag)
}

// positionLen is a position's length: shape, topic id, offset, time.
const positionLen = 8 + 16 + 8 + 8

func appendPosition(dst []byte, shape uint64, p Position) []byte {
	dst = binary.BigEndian.AppendUint64(dst, shape)
	dst = append(dst, p.Topic[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Offset))
	return binary.BigEndian.AppendUint64(dst, uint64(p.At))
}

func parsePosition(src []byte) (shape uint64, p Position, err error) {
	if len(src) != positionLen {
		return 0, p, fmt.Errorf("position has %d bytes instead of %d", len(src), positionLen)
	}
	copy(p.Topic[:], src[8:])
	p.Offset = int64(binary.BigEndian.Uint64(src[24:]))
	p.At = int64(binary.BigEndian.Uint64(src[32:]))
	return binary.BigEndian.Uint64(src), p, nil
}

// Position reads the position of a store that keeps no other shape than one: what a store of one's own needs for
// [Instance].
func (b *Backing) Position() (p Position, ok bool, err error) {
	v, ok, err := b.DB.Get(metaKey(nil, b.Prefix, positionTag), nil)
	if err == nil && ok {
		_, p, err = parsePosition(v)
	}
	return p, ok && err == nil, err
}

// SetPosition puts the position of a store of one's own into batch.
func (b *Backing) SetPosition(batch Batch, offset int64, now time.Time) error {
	return batch.Set(metaKey(nil, b.Prefix, positionTag), appendPosition(nil, 0, UpTo(b.Topic, offset, now)))
}

// Clear puts the deletion of all rows under Prefix, and of the position, into batch.
func (b *Backing) Clear(batch Batch) error { return clearPrefix(batch, b.Prefix) }

// Position implements Instance.
func (s *core[R]) Position() (Position, bool, error) {
	_, p, ok, err := s.readPosition()
	if err != nil {
		return p, false, fmt.Errorf("store %q: %w", s.spec.Name, err)
	}
	return p, ok, nil
}

func (s *core[R]) readPosition() (shape uint64, p Position, ok bool, err error) {
	s.key = metaKey(s.key[:0], s.back.Prefix, positionTag)
	v, ok, err := s.back.DB.Get(s.key, s.val)
	if err != nil || !ok {
		return 0, p, false, err
	}
	shape, p, err = parsePosition(v)
	return shape, p, err == nil, err
}

// SetPosition implements Instance.
func (s *core[R]) SetPosition(b Batch, offset int64, now time.Time) error {
	s.key = metaKey(s.key[:0], s.back.Prefix, positionTag)
	s.val = appendPosition(s.val[:0], s.kind.shape(), Position{s.back.Topic, offset, now.UnixMilli()})
	if err := b.Set(s.key, s.val); err != nil {
		return fmt.Errorf("store %q: position: %w", s.spec.Name, err)
	}
	s.position, s.positionAt = offset, now
	return nil
}

// Restore implements Instance.
func (s *core[R]) Restore(b Batch, key, value []byte, _, offset int64) error {
	if err := s.kind.restore(b, key, value); err != nil {
		return fmt.Errorf("store %q: changelog record at offset %d: %w", s.spec.Name, offset, err)
	}
	return nil
}

// Clear implements Instance.
func (s *core[R]) Clear(b Batch) error {
	s.empty()
	if err := clearPrefix(b, s.back.Prefix); err != nil {
		return fmt.Errorf("store %q: clear: %w", s.spec.Name, err)
	}
	return nil
}

// empty drops the cache and all that was known.
func (s *core[R]) empty() {
	s.kind.clear()
	s.epoch++
	s.rows.clear()
	s.dirty, s.changed, s.owed = nil, 0, 0
	s.queue, s.clean = list{}, list{}
	s.log = backlog{end: -1}
	s.bytes, s.held = 0, 0
	s.position, s.positionAt = -1, time.Time{}
}

// Forget implements Instance.
func (s *core[R]) Forget() error {
	s.empty()
	if s.back.DB == nil { // only planned
		return nil
	}
	if err := s.begin(); err != nil {
		return fmt.Errorf("store %q: open: %w", s.spec.Name, err)
	}
	if err := s.kind.learn(); err != nil {
		return fmt.Errorf("store %q: open: %w", s.spec.Name, err)
	}
	return nil
}

// begin looks at what the database holds of the store and clears what is of no use: rows that no changelog would bring
// up to date, or that a differently declared store has left.
func (s *core[R]) begin() error {
	if s.spec.Unlogged {
		return s.clearNow()
	}
	shape, p, ok, err := s.readPosition()
	if err != nil || !ok {
		return err
	}
	if shape != s.kind.shape() {
		s.back.Log.Warn("store was declared differently before and will be restored from its changelog",
			"store", s.spec.Name)
		return s.clearNow()
	}
	s.position, s.positionAt = p.Offset, time.UnixMilli(p.At)
	return nil
}

func (s *core[R]) clearNow() error {
	b := s.back.DB.NewBatch()
	defer b.Close()
	if err := s.Clear(b); err != nil {
		return err
	}
	return b.Commit()
}

// after is the smallest key above all keys that begin with prefix, nil when there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			up := append([]byte(nil), prefix[:i+1]...)
			up[i]++
			return up
		}
	}
	return nil
}
