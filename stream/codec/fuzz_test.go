// SPDX-License-Identifier: Apache-2.0

package codec_test

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/irmak-go/irmak/stream/codec"
)

// FuzzDecode feeds garbage to all codecs: an error or a value, no panic. And what is a value can be encoded and decoded
// again.
func FuzzDecode(f *testing.F) {
	pair := codec.Pair(codec.String, codec.Int64)
	for _, seed := range []string{"", "\x00", "\x01", "a\x00\x01", "a\x00\xffb\x00\x0112345678", "\x03abc\x00",
		"12345678", "1234", `{"card":"x","amount":3}`, "\x0a\x02ab", "10.1.2.3",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		steady(t, codec.String, src)
		steady(t, codec.Bytes, src)
		steady(t, codec.Unit, src)
		steady(t, codec.Int64, src)
		steady(t, codec.Int32, src)
		steady(t, codec.Uint64, src)
		steady(t, codec.Bool, src)
		steady(t, codec.JavaLong, src)
		steady(t, codec.JavaInteger, src)
		steady(t, codec.Duration, src)
		steady(t, codec.JSON[payment](), src)
		steady(t, codec.JSON[any](), src)
		steady(t, codec.Text[netip.Addr](), src)
		steady(t, pair, src)
		steady(t, codec.Pair(pair, codec.Nullable(codec.Bool)), src)
		steady(t, codec.Pair(codec.Int32, codec.Bytes), src)
		steady(t, codec.Slice(codec.Int32), src)
		steady(t, codec.Slice(codec.Slice(codec.String)), src)
		steady(t, codec.Slice(pair), src)
		steady(t, codec.Nullable(codec.String), src)
		_, _ = codec.Float64.Decode(src) // NaN is not equal to itself
		_, _ = codec.Float32.Decode(src)
		_, _ = codec.JavaDouble.Decode(src)
		_, _ = codec.JavaFloat.Decode(src)
		_, _ = codec.Time.Decode(src) // farther than can be encoded
		_, _ = codec.Binary[time.Time]().Decode(src)
		_, _ = messages.Decode(src)
	})
}

func steady[T any](t *testing.T, c codec.Codec[T], src []byte) {
	t.Helper()
	before := bytes.Clone(src)
	v, err := c.Decode(src)
	if !bytes.Equal(before, src) {
		t.Fatalf("%T changed what it decodes: % x, before % x", c, src, before)
	}
	if err != nil {
		return
	}
	again, err := c.Append([]byte("x"), v)
	if err != nil || again[0] != 'x' {
		t.Fatalf("%T: % x is %v, which encodes to % x, %v", c, src, v, again, err)
	}
	if back, err := c.Decode(again[1:]); err != nil || !reflect.DeepEqual(back, v) {
		t.Fatalf("%T: % x is %v, which comes back as %v, %v", c, src, v, back, err)
	}
}

// FuzzPair looks at the order and the round trip of composite keys.
func FuzzPair(f *testing.F) {
	f.Add("", int64(0), "\x00", int64(-1))
	f.Add("a\x00\x01", int64(1), "a", int64(1<<40))
	c := codec.Pair(codec.String, codec.Int64)
	f.Fuzz(func(t *testing.T, a1 string, a2 int64, b1 string, b2 int64) {
		ordered(t, c, compareTwo, two{a1, a2}, two{b1, b2})
		spelledAgain(t, c, two{a1, a2})
		spelledAgain(t, codec.Slice(c), []two{{a1, a2}, {b1, b2}, {b1 + a1 + b1 + a1, b2}})
	})
}

func spelledAgain[T any](t *testing.T, c codec.Codec[T], v T) {
	t.Helper()
	b, err := c.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := c.Decode(b); err != nil || !reflect.DeepEqual(back, v) {
		t.Fatalf("%v came back as %v, %v", v, back, err)
	}
}
