// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/irmak-go/irmak/stream/codec"
)

// The flags at the beginning of what a foreign key join writes.
const (
	foreignLeave   = 1 // of a subscription
	foreignAlways  = 2
	foreignMatched = 1 // of an answer and of a row
	foreignSent    = 2 // of a row
)

var errForeign = errors.New("it was not written by a foreign key join")

// subscriptionCodec writes flags, version (8 bytes, big-endian), left key.
type subscriptionCodec[K, FK any] struct{ left codec.Codec[K] }

func (c subscriptionCodec[K, FK]) Append(dst []byte, s subscription[K, FK]) ([]byte, error) {
	flags := byte(0)
	if s.leave {
		flags |= foreignLeave
	}
	if s.always {
		flags |= foreignAlways
	}
	return c.left.Append(binary.BigEndian.AppendUint64(append(dst, flags), s.version), s.left)
}

func (c subscriptionCodec[K, FK]) Decode(src []byte) (s subscription[K, FK], err error) {
	if len(src) < 9 || src[0] > foreignLeave|foreignAlways {
		return s, errForeign
	}
	s.leave, s.always = src[0]&foreignLeave != 0, src[0]&foreignAlways != 0
	s.version = binary.BigEndian.Uint64(src[1:])
	s.left, err = c.left.Decode(src[9:])
	return s, err
}

// answerCodec writes flags, version (8 bytes, big-endian), and if there is a right row its time (8 bytes) and value.
type answerCodec[K, W any] struct{ right codec.Codec[W] }

func (c answerCodec[K, W]) Append(dst []byte, a answer[K, W]) ([]byte, error) {
	if !a.matched {
		dst = binary.BigEndian.AppendUint64(append(dst, 0), a.version)
		return binary.BigEndian.AppendUint64(dst, uint64(a.rightAt)), nil
	}
	dst = binary.BigEndian.AppendUint64(append(dst, foreignMatched), a.version)
	return c.right.Append(binary.BigEndian.AppendUint64(dst, uint64(a.rightAt)), a.right)
}

func (c answerCodec[K, W]) Decode(src []byte) (a answer[K, W], err error) {
	if len(src) < 17 || src[0] > foreignMatched || src[0] == 0 && len(src) > 17 {
		return a, errForeign
	}
	a.matched = src[0] == foreignMatched
	a.version = binary.BigEndian.Uint64(src[1:])
	a.rightAt = int64(binary.BigEndian.Uint64(src[9:]))
	if a.matched {
		a.right, err = c.right.Decode(src[17:])
	}
	return a, err
}

// joinedRowCodec writes flags, version (8 bytes, big-endian), and if a result was sent its time and the right row's (8
// bytes each), the left value after its length (4 bytes), and if there was a right row its value.
type joinedRowCodec[V, W any] struct {
	left  codec.Codec[V]
	right codec.Codec[W]
}

func (c joinedRowCodec[V, W]) Append(dst []byte, r joinedRow[V, W]) (_ []byte, err error) {
	flags := byte(0)
	if r.sent {
		flags |= foreignSent
	}
	if r.sent && r.matched {
		flags |= foreignMatched
	}
	dst = binary.BigEndian.AppendUint64(append(dst, flags), r.version)
	if !r.sent {
		return dst, nil
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.at))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.rightAt))
	if dst, err = appendSized(dst, c.left, r.value); err != nil || !r.matched {
		return dst, err
	}
	return c.right.Append(dst, r.right)
}

func (c joinedRowCodec[V, W]) Decode(src []byte) (r joinedRow[V, W], err error) {
	if len(src) < 9 || src[0]&^(foreignSent|foreignMatched) != 0 {
		return r, errForeign
	}
	r.sent, r.matched = src[0]&foreignSent != 0, src[0]&foreignMatched != 0
	r.version = binary.BigEndian.Uint64(src[1:])
	rest := src[9:]
	switch {
	case !r.sent && len(rest) == 0 && !r.matched:
		return r, nil
	case !r.sent || len(rest) < 16:
		return r, errForeign
	}
	r.at, r.rightAt = int64(binary.BigEndian.Uint64(rest)), int64(binary.BigEndian.Uint64(rest[8:]))
	if r.value, rest, err = takeSized(rest[16:], c.left); err != nil {
		return r, err
	}
	if !r.matched {
		if len(rest) > 0 {
			return r, errForeign
		}
		return r, nil
	}
	r.right, err = c.right.Decode(rest)
	return r, err
}

// linkCodec writes the foreign key after its length (4 bytes, big-endian), then the left key: the links of a right row
// lie together, in the order of the left keys' bytes.
type linkCodec[FK, K comparable] struct {
	foreign codec.Codec[FK]
	left    codec.Codec[K]
}

func (c linkCodec[FK, K]) prefix(dst []byte, foreign FK) ([]byte, error) {
	return appendSized(dst, c.foreign, foreign)
}

func (c linkCodec[FK, K]) Append(dst []byte, l link[FK, K]) ([]byte, error) {
	dst, err := c.prefix(dst, l.foreign)
	if err != nil {
		return dst, err
	}
	return c.left.Append(dst, l.left)
}

func (c linkCodec[FK, K]) Decode(src []byte) (l link[FK, K], err error) {
	var rest []byte
	if l.foreign, rest, err = takeSized(src, c.foreign); err != nil {
		return l, fmt.Errorf("foreign key: %w", err)
	}
	l.left, err = c.left.Decode(rest)
	return l, err
}
