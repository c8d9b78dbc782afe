// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// JSON is the JSON text of a T by encoding/json, without a newline at the end and without escaping <, > and &, which
// matters to web pages only. A MarshalJSON method of *T is used even though values are passed. Besides what
// encoding/json allocates, nothing is.
//
// Decode refuses text after the value. The text null leaves the zero T, as encoding/json has it.
func JSON[T any]() Codec[T] {
	return &jsonCodec[T]{}
}

type jsonCodec[T any] struct {
	pool sync.Pool // of *jsonScratch[T]
}

// jsonScratch is what one call needs on the heap. encoding/json takes an interface and an io.Writer: without it every
// Append would allocate a box for the value and a second buffer for the text.
type jsonScratch[T any] struct {
	v    T
	dst  []byte
	text *json.Encoder // writes to dst
}

func (s *jsonScratch[T]) Write(p []byte) (int, error) {
	s.dst = append(s.dst, p...)
	return len(p), nil
}

func (c *jsonCodec[T]) take() *jsonScratch[T] {
	if s, ok := c.pool.Get().(*jsonScratch[T]); ok {
		return s
	}
	s := &jsonScratch[T]{}
	s.text = json.NewEncoder(io.Writer(s))
	s.text.SetEscapeHTML(false)
	return s
}

// give puts s back, holding on to nothing of the caller's. After a panic in a user's method s is simply not returned.
func (c *jsonCodec[T]) give(s *jsonScratch[T]) {
	var none T
	s.v, s.dst = none, nil
	c.pool.Put(s)
}

func (c *jsonCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	s := c.take()
	s.v, s.dst = v, dst
	err := s.text.Encode(&s.v)
	if err == nil {
		dst = s.dst[:len(s.dst)-1] // Encode ends with a newline
	}
	c.give(s)
	if err != nil {
		return dst, fmt.Errorf("codec: encode %T as JSON: %w", v, err)
	}
	return dst, nil
}

func (c *jsonCodec[T]) Decode(src []byte) (T, error) {
	s := c.take()
	err := json.Unmarshal(src, &s.v)
	v := s.v
	c.give(s)
	if err != nil {
		var none T
		return none, fmt.Errorf("codec: decode %d byte(s) of JSON as %T: %w", len(src), none, err)
	}
	return v, nil
}
