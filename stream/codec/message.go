// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"fmt"
	"reflect"
)

// Message is a codec for generated message types, of which T is one and M the interface that the two functions take,
// or T again. For protocol buffers:
//
//	import "google.golang.org/protobuf/proto"
//
//	var orders = codec.Message(func() *pb.Order { return new(pb.Order) },
//		proto.MarshalOptions{Deterministic: true}.MarshalAppend, proto.Unmarshal)
//
// which is a Codec[*pb.Order]. Deterministic matters for keys and costs little. fresh makes an empty message, to be
// filled by unmarshal. A T that is not an M is an error of each call, as the compiler cannot tell.
func Message[T, M any](
	fresh func() T,
	marshalAppend func(dst []byte, m M) ([]byte, error),
	unmarshal func(src []byte, m M) error,
) Codec[T] {
	return messageCodec[T, M]{fresh, marshalAppend, unmarshal}
}

type messageCodec[T, M any] struct {
	fresh         func() T
	marshalAppend func(dst []byte, m M) ([]byte, error)
	unmarshal     func(src []byte, m M) error
}

func (c messageCodec[T, M]) Append(dst []byte, v T) ([]byte, error) {
	m, ok := any(v).(M)
	if !ok {
		return dst, c.notM(v)
	}
	out, err := c.marshalAppend(dst, m)
	if err != nil {
		return dst, fmt.Errorf("codec: encode message %T: %w", v, err)
	}
	return out, nil
}

func (c messageCodec[T, M]) Decode(src []byte) (v T, err error) {
	message := c.fresh()
	m, ok := any(message).(M)
	if !ok {
		return v, c.notM(message)
	}
	if err := c.unmarshal(src, m); err != nil {
		return v, fmt.Errorf("codec: decode %d byte(s) as message %T: %w", len(src), v, err)
	}
	return message, nil
}

func (c messageCodec[T, M]) notM(v T) error {
	return fmt.Errorf("codec: %T is not what the functions given to codec.Message take, a %v", v, reflect.TypeFor[M]())
}
