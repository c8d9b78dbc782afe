// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"errors"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// waitingRecord is a record that waits for a join. Its headers are encoded, nil when there are none.
type waitingRecord[K, V any] struct {
	key     K
	value   V
	headers []byte
}

// waitingCodec writes the lengths of headers and key as uvarints, each before what it measures, then the value.
type waitingCodec[K, V any] struct {
	key   codec.Codec[K]
	value codec.Codec[V]
}

var errWaiting = errors.New("a record that waits for a join is damaged")

func (c waitingCodec[K, V]) Append(dst []byte, w waitingRecord[K, V]) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(w.headers)))
	dst = append(dst, w.headers...)
	start := len(dst)
	dst, err := c.key.Append(dst, w.key)
	if err != nil {
		return dst, err
	}
	return c.value.Append(insertLength(dst, start), w.value)
}

// insertLength puts the length of dst[start:] before it.
func insertLength(dst []byte, start int) []byte {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(dst)-start))
	dst = append(dst, length[:n]...)
	copy(dst[start+n:], dst[start:len(dst)-n])
	copy(dst[start:], length[:n])
	return dst
}

func (c waitingCodec[K, V]) Decode(src []byte) (w waitingRecord[K, V], err error) {
	headers, src, ok := measured(src)
	key, src, ok2 := measured(src)
	if !ok || !ok2 {
		return w, errWaiting
	}
	if len(headers) > 0 {
		w.headers = headers
	}
	if w.key, err = c.key.Decode(key); err != nil {
		return w, err
	}
	w.value, err = c.value.Decode(src)
	return w, err
}

// measured splits what has its length before it off src.
func measured(src []byte) (part, rest []byte, ok bool) {
	n, size := binary.Uvarint(src)
	if size <= 0 || n > uint64(len(src)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return src[size:end:end], src[end:], true
}

// encodeHeaders writes each header as its key, then 0 for a null value or 1 and the value, keys and values measured.
func encodeHeaders(headers []stream.Header) (dst []byte) {
	for _, h := range headers {
		dst = binary.AppendUvarint(dst, uint64(len(h.Key)))
		dst = append(dst, h.Key...)
		if h.Value == nil {
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendUvarint(append(dst, 1), uint64(len(h.Value)))
		dst = append(dst, h.Value...)
	}
	return dst
}

func decodeHeaders(src []byte) (headers []stream.Header, err error) {
	for len(src) > 0 {
		key, rest, ok := measured(src)
		if !ok || len(rest) == 0 || rest[0] > 1 {
			return nil, errWaiting
		}
		h := stream.Header{Key: string(key)}
		src = rest[1:]
		if rest[0] == 1 {
			if h.Value, src, ok = measured(src); !ok {
				return nil, errWaiting
			}
		}
		headers = append(headers, h)
	}
	return headers, nil
}
