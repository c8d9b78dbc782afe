// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"fmt"
	"testing"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

var (
	counts = state.Map[string, int64]{Name: "counts", Key: codec.String, Value: codec.Int64}
	panes  = state.Window[string, int64]{Name: "panes", Key: codec.String, Value: codec.Int64, Segment: 60_000}
	alarms = state.Timers[string]{Name: "alarms", Key: codec.String}
)

const benchKeys = 100_000

func keys(n int) []string {
	k := make([]string, n)
	for i := range k {
		k[i] = fmt.Sprintf("key-%08d", i*7919%n)
	}
	return k
}

// BenchmarkHit is Upsert and Get of rows in the cache, 100,000 string keys in no order.
func BenchmarkHit(b *testing.B) {
	ks := keys(benchKeys)
	p := &place{t: b, limit: 1 << 30}
	m := counts.Open(p)
	for _, k := range ks {
		m.Put(k, 1)
	}
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			m.Get(ks[i])
			if i++; i == len(ks) {
				i = 0
			}
		}
	})
	b.Run("upsert", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			v, _ := m.Upsert(ks[i])
			*v++
			if i++; i == len(ks) {
				i = 0
			}
		}
	})
}

// BenchmarkMiss is Get with a cache of a tenth of the keys, which are all in a database in memory.
func BenchmarkMiss(b *testing.B) {
	ks := keys(benchKeys)
	p := &place{t: b, limit: 1 << 30}
	m := counts.Open(p)
	for _, k := range ks {
		m.Put(k, 1)
	}
	c := newCommitter(b, p, &dropped{})
	c.commit()
	c.behind(0)
	p.in.SetLimit(p.in.Stats().Bytes / 10)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := m.Get(ks[i]); !ok {
			b.Fatal("not found")
		}
		if i++; i == len(ks) {
			i = 0
		}
	}
}

// BenchmarkWindowAdd adds to the current minute of 100,000 keys, 10,000 records a second of event time: every sixth
// record begins a row.
func BenchmarkWindowAdd(b *testing.B) {
	ks := keys(benchKeys)
	for _, commits := range []bool{false, true} {
		b.Run(fmt.Sprintf("commits=%v", commits), func(b *testing.B) {
			p := &place{t: b, limit: 1 << 30}
			w := panes.Open(p)
			c := newCommitter(b, p, &dropped{})
			b.ReportAllocs()
			i, n := 0, int64(0)
			for b.Loop() {
				at := n / 10
				v, _ := w.Upsert(ks[i], at-at%60_000)
				*v++
				if n++; n%1000 == 0 {
					w.Expire(at - 60_000)
					if commits {
						c.commit()
					}
				}
				if i++; i == len(ks) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkCommit is a commit of 10,000 changed rows, per row: encode, and what is due of writing behind.
func BenchmarkCommit(b *testing.B) {
	ks := keys(10_000)
	p := &place{t: b, limit: 1 << 30}
	m := counts.Open(p)
	c := newCommitter(b, p, &dropped{})
	b.ReportAllocs()
	for i := 0; i < b.N; {
		for _, k := range ks {
			v, _ := m.Upsert(k)
			*v++
			i++
		}
		c.commit()
	}
}

// BenchmarkTimers sets a timer a second ahead and fires one, 10,000 a second.
func BenchmarkTimers(b *testing.B) {
	ks := keys(benchKeys)
	p := &place{t: b, limit: 1 << 30}
	s := alarms.Open(p)
	c := newCommitter(b, p, &dropped{})
	b.ReportAllocs()
	i, n := 0, int64(0)
	for b.Loop() {
		s.Set(n/10+1000, ks[i], "timeout")
		if at, k, name, ok := s.First(); ok && at <= n/10 {
			s.Delete(at, k, name)
		}
		if n++; n%1000 == 0 {
			c.commit()
		}
		if i++; i == len(ks) {
			i = 0
		}
	}
}
