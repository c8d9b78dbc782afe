// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Bits declares a store as a user would write it, of what package state exports: a set of numbers, 64 to a row.
type Bits struct{ Name string }

// Open opens the store in a task.
func (d Bits) Open(p state.Place) *BitSet {
	spec := state.Spec{Name: d.Name, Kind: "bits"}
	return p.OpenStore(spec, func(b state.Backing) state.Instance {
		return &BitSet{spec: spec, back: b, rows: map[uint64]uint64{}, end: -1}
	}).(*BitSet)
}

// BitSet is an open Bits. It implements state.Instance.
type BitSet struct {
	spec           state.Spec
	back           state.Backing
	rows           map[uint64]uint64
	dirty, flushed []uint64 // numbers of rows that changed since the last Flush, and before it
	end            int64    // offset after what is acknowledged
	limit          int
}

// Add adds n and says whether it was not there.
func (s *BitSet) Add(n uint64) bool {
	row, bit := n/64, uint64(1)<<(n%64)
	was := s.row(row)
	if was&bit != 0 {
		return false
	}
	s.rows[row] = was | bit
	for _, d := range s.dirty {
		if d == row {
			return true
		}
	}
	s.dirty = append(s.dirty, row)
	return true
}

func (s *BitSet) row(n uint64) uint64 {
	if bits, ok := s.rows[n]; ok {
		return bits
	}
	if s.limit > 0 && len(s.rows)*64 > s.limit && len(s.dirty)+len(s.flushed) == 0 {
		clear(s.rows)
	}
	enc, ok, err := s.back.DB.Get(s.key(number(n)), nil)
	switch {
	case err != nil:
		s.back.Fail(err)
	case ok:
		s.rows[n] = binary.BigEndian.Uint64(enc)
	}
	return s.rows[n]
}

func number(n uint64) []byte            { return binary.BigEndian.AppendUint64(nil, n) }
func (s *BitSet) key(row []byte) []byte { return append(append([]byte(nil), s.back.Prefix...), row...) }
func (s *BitSet) Spec() state.Spec      { return s.spec }
func (s *BitSet) SetLimit(bytes int)    { s.limit = bytes }
func (s *BitSet) Pressure() bool        { return len(s.dirty) > 1000 }

func (s *BitSet) Stats() state.Stats {
	return state.Stats{Rows: len(s.rows), Dirty: len(s.dirty), Queued: len(s.flushed)}
}

func (s *BitSet) Flush(log state.Log) (int, error) {
	n := len(s.dirty)
	for _, row := range s.dirty {
		if err := log.Append(number(row), number(s.rows[row]), state.NoTime); err != nil {
			return 0, err
		}
	}
	s.flushed, s.dirty = append(s.flushed, s.dirty...), nil
	return n, nil
}

func (s *BitSet) Acked(first int64, n int) { s.end = first + int64(n) }

func (s *BitSet) WriteBehind(b state.Batch, now time.Time, _ time.Duration) (bool, error) {
	for _, row := range s.flushed {
		if err := b.Set(s.key(number(row)), number(s.rows[row])); err != nil {
			return false, err
		}
	}
	if s.flushed = nil; s.end < 0 {
		return false, nil
	}
	return false, s.back.SetPosition(b, s.end, now)
}

func (s *BitSet) Position() (state.Position, bool, error) { return s.back.Position() }

func (s *BitSet) SetPosition(b state.Batch, offset int64, now time.Time) error {
	return s.back.SetPosition(b, offset, now)
}

func (s *BitSet) Restore(b state.Batch, key, value []byte, _, _ int64) error {
	return b.Set(s.key(key), value)
}

func (s *BitSet) Clear(b state.Batch) error { return s.back.Clear(b) }

func (s *BitSet) Forget() error {
	clear(s.rows)
	s.dirty, s.flushed, s.end = nil, nil, -1
	return nil
}

// A store of one's own is one like those of package state: logged, restored, rolled back, described.
func TestRandomStoreOfOnesOwn(t *testing.T) {
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	numbers := stream.Topic[string, int64]{Name: "in", Key: codec.String, Value: codec.Int64}
	for range rounds {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		topo := stream.New("test")
		fresh := operators.Process("fresh", stream.From(topo, numbers),
			func(p *operators.Processor[string, int64]) operators.Func[string, int64] {
				seen := Bits{Name: "seen"}.Open(p)
				return func(r *stream.Record[string, int64]) error {
					if seen.Add(uint64(r.Value)) {
						p.Emit(r.Value)
					}
					return nil
				}
			})
		out := stream.Topic[string, int64]{Name: "out", Key: codec.String, Value: codec.Int64}
		stream.To(stream.Encode(fresh, codec.Int64), out)
		d := streamtest.New(t, topo, streamtest.Options{CommitEvery: 1 + r.IntN(20), CacheBytes: 200})
		var want, got []int64
		seen := map[int64]bool{}
		for range 300 {
			n := r.Int64N(500)
			if !seen[n] {
				want = append(want, n)
			}
			seen[n] = true
			streamtest.Input(d, numbers).Send("k", n, 0)
			switch r.IntN(30) {
			case 0:
				d.Restart()
			case 1:
				d.RestartEmpty()
			case 2, 3:
				d.Crash(streamtest.Step(r.IntN(streamtest.Steps)))
			}
		}
		for _, rec := range streamtest.Output(d, out).Read() {
			got = append(got, rec.Value)
		}
		require.Equal(t, want, got, "seed %d", seed)
		require.Contains(t, topo.Describe(), "test-seen-changelog")
	}
}
