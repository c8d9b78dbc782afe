// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// instances opens stores like place, and keeps all of them.
type instances struct {
	place
	all []state.Instance
}

func (p *instances) OpenStore(spec state.Spec, open func(state.Backing) state.Instance) state.Instance {
	in := p.place.OpenStore(spec, open)
	p.all = append(p.all, in)
	return in
}

// Appending writes the value and the list's ends, however long the list is, and the cache keeps its bound.
func TestAppendDoesNotRewriteTheList(t *testing.T) {
	t.Parallel()
	p := &instances{place: place{t: t, limit: 16 << 10}}
	s := state.List[string, int64]{Name: "list", Key: codec.String, Value: codec.Int64}.Open(p)
	commits := make([]*committer, len(p.all))
	for i, in := range p.all {
		commits[i] = &committer{t: t, in: in, db: p.db, log: &dropped{}}
	}
	const lists, each = 4, 2000
	for i := range int64(each) {
		for k := range lists {
			s.Append(string(rune('a'+k)), i)
		}
		if i%16 == 15 {
			require.Equal(t, lists, commits[0].commit(), "ends")
			require.Equal(t, 16*lists, commits[1].commit(), "values")
			for _, in := range p.all {
				require.LessOrEqual(t, in.Stats().Bytes, p.limit)
			}
		}
	}
	next := int64(0)
	s.Scan("b", func(v int64) bool {
		require.Equal(t, next, v)
		next++
		return next < each/2
	})
	require.Equal(t, each-1, s.Trim("b", each-1))
	require.Equal(t, 1, s.Len("b"))
	last, ok := s.Get("b", 0)
	require.True(t, ok)
	require.Equal(t, int64(each-1), last)
}
