// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"fmt"

	"github.com/irmak-go/irmak/stream/codec"
)

// versionCodec writes [from, 8 bytes][1: present, 0: absent][value, if present].
type versionCodec[V any] struct{ value codec.Codec[V] }

const versionHead = 8 + 1

func (c versionCodec[V]) Append(dst []byte, v version[V]) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.from))
	if !v.present {
		return append(dst, 0), nil
	}
	return c.value.Append(append(dst, 1), v.val)
}

func (c versionCodec[V]) Decode(src []byte) (v version[V], err error) {
	if len(src) < versionHead || src[8] > 1 || src[8] == 0 && len(src) > versionHead {
		return v, fmt.Errorf("version of %d bytes is damaged", len(src))
	}
	v.from = int64(binary.BigEndian.Uint64(src))
	if v.present = src[8] == 1; v.present {
		v.val, err = c.value.Decode(src[versionHead:])
	}
	return v, err
}
