// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/invariants"
)

// TestAllocs is about what operators do per record. It cannot run beside other tests, whose allocations would count.
func TestAllocs(t *testing.T) {
	if invariants.Enabled {
		t.Skip("checks allocate")
	}
	p := &place{t: t, limit: 1 << 30}
	m := counts.Open(p)
	cm := newCommitter(t, p, &dropped{})
	w := panes.Open(p)
	cw := newCommitter(t, p, &dropped{})
	ks := keys(64)
	for _, k := range ks {
		m.Put(k, 1)
		w.Put(k, 0, 1)
		w.Put(k, 60_000, 1)
	}
	sum := int64(0)
	add := func(_ int64, v *int64) bool { sum += *v; return true }
	span := func(_ int64, _ string, v *int64) bool { sum += *v; return true }
	each := func(name string, f func(k string)) {
		f(ks[0])
		i := 0
		require.Zero(t, testing.AllocsPerRun(200, func() { f(ks[i%len(ks)]); i++ }), name)
	}
	each("map get", func(k string) { m.Get(k) })
	each("map upsert", func(k string) { v, _ := m.Upsert(k); *v++ })
	each("map put", func(k string) { m.Put(k, 2) })
	each("map delete and put", func(k string) { m.Delete(k); m.Put(k, 2) })
	each("window get", func(k string) { w.Get(k, 0) })
	each("window upsert", func(k string) { v, _ := w.Upsert(k, 60_000); *v++ })
	each("window upsert late", func(k string) { v, _ := w.Upsert(k, 0); *v++ })
	each("window scan of a key", func(k string) { w.ScanKey(k, 0, 60_000, add) })
	each("window scan of a span", func(string) { w.ScanSpan(0, 60_000, span) })
	for range 3 {
		cm.commit()
		cw.commit()
	}
	each("commit of a map", func(k string) { m.Put(k, 3); cm.in.Flush(cm.log) })
	each("commit of a window", func(k string) { w.Put(k, 60_000, 3); cw.in.Flush(cw.log) })
}
