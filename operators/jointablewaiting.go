// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"

	"github.com/irmak-go/irmak/stream/codec"
)

// waitingRecord is a record that waits for a join. Its headers are encoded, nil when there are none.
type waitingRecord[K, V any] struct {
	key     K
	value   V
	headers []byte
}

// waitingCodec writes the headers after their length (a uvarint), the key after its length (4 bytes, big-endian), the
// value.
type waitingCodec[K, V any] struct {
	key   codec.Codec[K]
	value codec.Codec[V]
}

var errWaiting = errors.New("a record that waits for a join is damaged")

func (c waitingCodec[K, V]) Append(dst []byte, w waitingRecord[K, V]) ([]byte, error) {
	dst, err := appendSized(appendMeasured(dst, w.headers), c.key, w.key)
	if err != nil {
		return dst, err
	}
	return c.value.Append(dst, w.value)
}

func (c waitingCodec[K, V]) Decode(src []byte) (w waitingRecord[K, V], err error) {
	headers, rest, ok := measured(src)
	if !ok {
		return w, errWaiting
	}
	if len(headers) > 0 {
		w.headers = headers
	}
	if w.key, rest, err = takeSized(rest, c.key); err != nil {
		return w, errors.Join(errWaiting, err)
	}
	w.value, err = c.value.Decode(rest)
	return w, err
}
