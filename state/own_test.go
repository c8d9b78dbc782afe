// SPDX-License-Identifier: Apache-2.0

package state

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

type letter struct {
	from  string
	stamp int64
	body  struct {
		text  []byte
		lines [2]string
	}
	read *bool
}

func TestOwn(t *testing.T) {
	t.Parallel()
	batch := []byte("fetched batch")
	text := unsafe.String(&batch[0], len(batch))
	var l letter
	l.from, l.stamp, l.read = text[:7], 7, new(bool)
	l.body.text, l.body.lines[1] = batch[8:], text[8:]
	o := ownerOf[letter](nil)
	require.Equal(t, 7+5+5, o.size(&l))
	c := o.clone(l)
	copy(batch, "overwritten!!")
	require.Equal(t, "fetched", c.from)
	require.Equal(t, "batch", string(c.body.text))
	require.Equal(t, "batch", c.body.lines[1])
	require.Equal(t, int64(7), c.stamp)
	require.Same(t, l.read, c.read)
	require.Equal(t, "overwri", l.from, "the original still looks at the batch")
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for _, v := range []any{int64(0), [3]float64{}, struct{ a, b uint8 }{}, struct{}{}, [0]string{}} {
		require.False(t, pointers(reflect.TypeOf(v)), "%T", v)
	}
	for _, v := range []any{"", []byte{}, struct{ m map[int]int }{}, [1]string{}, new(int)} {
		require.True(t, pointers(reflect.TypeOf(v)), "%T", v)
	}
}
