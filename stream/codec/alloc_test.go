// SPDX-License-Identifier: Apache-2.0

package codec_test

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/irmak-go/irmak/stream/codec"
)

// allocates checks how often Append into a buffer with room, and Decode, allocate.
func allocates[T any](t *testing.T, c codec.Codec[T], v T, appends, decodes float64) {
	t.Helper()
	dst := make([]byte, 0, 1024)
	encoded, err := c.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(200, func() { _, _ = c.Append(dst, v) }); got > appends {
		t.Errorf("%T: Append allocates %v times, want %v", v, got, appends)
	}
	var out T
	if got := testing.AllocsPerRun(200, func() { out, _ = c.Decode(encoded) }); got > decodes {
		t.Errorf("%T: Decode allocates %v times, want %v", v, got, decodes)
	}
	_ = out
}

func TestAllocations(t *testing.T) {
	if race {
		t.Skip("with -race, sync.Pool drops what it is given at random")
	}
	allocates(t, codec.String, "irmak", 0, 0)
	allocates(t, codec.Bytes, []byte("irmak"), 0, 0)
	allocates(t, codec.Unit, struct{}{}, 0, 0)
	allocates(t, codec.Int64, 5, 0, 0)
	allocates(t, codec.Int32, 5, 0, 0)
	allocates(t, codec.Uint64, 5, 0, 0)
	allocates(t, codec.Float64, 5, 0, 0)
	allocates(t, codec.Float32, 5, 0, 0)
	allocates(t, codec.Bool, true, 0, 0)
	allocates(t, codec.JavaLong, 5, 0, 0)
	allocates(t, codec.JavaDouble, 5, 0, 0)
	allocates(t, codec.Time, time.UnixMilli(5), 0, 0)
	allocates(t, codec.Duration, 5, 0, 0)
	allocates(t, codec.Text[netip.Addr](), netip.MustParseAddr("10.1.2.3"), 0, 1) // netip's own
	allocates(t, codec.Binary[time.Time](), time.UnixMilli(5).UTC(), 0, 0)
	allocates(t, codec.Text[big.Int](), *big.NewInt(77), 1, 100) // big.Int's own
	allocates(t, messages, wrapperspb.String("irmak"), 0, 2)     // the message and its string
	allocates(t, codec.Pair(codec.String, codec.Int64), two{"irmak", 5}, 0, 0)
	allocates(t, codec.Pair(codec.String, codec.Int64), two{"a\x00b", 5}, 0, 1)
	allocates(t, codec.Slice(codec.String), []string{"a", "b"}, 0, 1)
	allocates(t, codec.Slice(codec.Int64), []int64{1, 2}, 0, 1)
	one := int64(1)
	allocates(t, codec.Nullable(codec.Int64), &one, 0, 1)

	// No more than encoding/json itself.
	v := payment{Card: "4711", Amount: 5}
	text, _ := json.Marshal(&v)
	var into payment
	own := testing.AllocsPerRun(200, func() { _ = json.Unmarshal(text, &into) })
	allocates(t, codec.JSON[payment](), v, 0, own)
}

func benchmark[T any](b *testing.B, c codec.Codec[T], v T) {
	encoded, err := c.Append(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("append", func(b *testing.B) {
		dst := make([]byte, 0, 1024)
		b.ReportAllocs()
		for b.Loop() {
			dst, _ = c.Append(dst[:0], v)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Decode(encoded)
		}
	})
}

func BenchmarkString(b *testing.B)  { benchmark(b, codec.String, "card-000000004711") }
func BenchmarkInt64(b *testing.B)   { benchmark(b, codec.Int64, 4711) }
func BenchmarkFloat64(b *testing.B) { benchmark(b, codec.Float64, 47.11) }
func BenchmarkTime(b *testing.B)    { benchmark(b, codec.Time, time.UnixMilli(4711)) }
func BenchmarkMessage(b *testing.B) { benchmark(b, messages, wrapperspb.String("card-000000004711")) }

func BenchmarkText(b *testing.B) {
	benchmark(b, codec.Text[netip.Addr](), netip.MustParseAddr("10.1.2.3"))
}

func BenchmarkPair(b *testing.B) {
	benchmark(b, codec.Pair(codec.String, codec.Int64), two{"card-000000004711", 4711})
}

func BenchmarkSlice(b *testing.B) {
	benchmark(b, codec.Slice(codec.String), []string{"card-000000004711", "card-000000004712"})
}

func BenchmarkJSON(b *testing.B) {
	v := payment{Card: "card-000000004711", Amount: 4711}
	benchmark(b, codec.JSON[payment](), v)
	b.Run("encoding/json", func(b *testing.B) {
		dst := make([]byte, 0, 1024)
		b.ReportAllocs()
		for b.Loop() {
			text, _ := json.Marshal(v)
			dst = append(dst[:0], text...)
		}
	})
}

func BenchmarkMessagePlain(b *testing.B) {
	m := wrapperspb.String("card-000000004711")
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst[:0], m)
	}
}
