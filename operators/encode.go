// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// What the codecs of rows and of records between operators are put together from.

// appendSized appends the length of what c writes for v, 4 bytes big-endian, and that.
func appendSized[T any](dst []byte, c codec.Codec[T], v T) (_ []byte, err error) {
	at := len(dst)
	if dst, err = c.Append(append(dst, 0, 0, 0, 0), v); err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, nil
}

// takeSized reads what appendSized wrote and gives what follows it.
func takeSized[T any](src []byte, c codec.Codec[T]) (v T, rest []byte, err error) {
	if len(src) < 4 || uint64(len(src)-4) < uint64(binary.BigEndian.Uint32(src)) {
		return v, nil, fmt.Errorf("%d bytes are too few", len(src))
	}
	end := 4 + int(binary.BigEndian.Uint32(src))
	v, err = c.Decode(src[4:end:end])
	return v, src[end:], err
}

// appendMeasured appends the length of part, as a uvarint, and part.
func appendMeasured[B ~string | ~[]byte](dst []byte, part B) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(part))), part...)
}

// measured splits what appendMeasured wrote off src.
func measured(src []byte) (part, rest []byte, ok bool) {
	n, size := binary.Uvarint(src)
	if size <= 0 || n > uint64(len(src)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return src[size:end:end], src[end:], true
}

var errHeaders = errors.New("headers in a store are damaged")

// encodeHeaders writes each header as its key, then 0 for a null value or 1 and the value, keys and values measured;
// nil when there are none. Who keeps a record for long keeps its headers so: they lead to nothing that was fetched with
// them.
func encodeHeaders(headers []stream.Header) (dst []byte) {
	for _, h := range headers {
		dst = appendMeasured(dst, h.Key)
		if h.Value == nil {
			dst = append(dst, 0)
			continue
		}
		dst = appendMeasured(append(dst, 1), h.Value)
	}
	return dst
}

// decodeHeaders reads what encodeHeaders wrote.
func decodeHeaders(src []byte) (headers []stream.Header, err error) {
	for len(src) > 0 {
		key, rest, ok := measured(src)
		if !ok || len(rest) == 0 || rest[0] > 1 {
			return nil, errHeaders
		}
		h := stream.Header{Key: string(key)}
		src = rest[1:]
		if rest[0] == 1 {
			if h.Value, src, ok = measured(src); !ok {
				return nil, errHeaders
			}
		}
		headers = append(headers, h)
	}
	return headers, nil
}
