// SPDX-License-Identifier: Apache-2.0

package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/irmak-go/irmak/stream/codec"
)

type payment struct {
	Card   string            `json:"card"`
	Amount int64             `json:"amount"`
	Tags   map[string]string `json:"tags,omitempty"`
}

var messages = codec.Message(func() *wrapperspb.StringValue { return new(wrapperspb.StringValue) },
	proto.MarshalOptions{Deterministic: true}.MarshalAppend, proto.Unmarshal)

type (
	two  = codec.Two[string, int64]
	nums = codec.Two[int32, bool]
	deep = codec.Two[two, []byte]
)

// spelled checks the bytes of values, that they come back, and that what was in dst stays.
func spelled[T any](t *testing.T, c codec.Codec[T], want string, v T) {
	t.Helper()
	got, err := c.Append([]byte("before"), v)
	if err != nil {
		t.Errorf("%T %v: %v", v, v, err)
		return
	}
	text, found := bytes.CutPrefix(got, []byte("before"))
	if !found || hex.EncodeToString(text) != strings.ReplaceAll(want, " ", "") {
		t.Errorf("%T %v: % x, want %s", v, v, text, want)
	}
	back, err := c.Decode(text)
	if m, ok := any(v).(proto.Message); ok && proto.Equal(m, any(back).(proto.Message)) {
		return
	}
	if err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%T %v came back as %v, %v", v, v, back, err)
	}
}

// The bytes are a format that topics and stores rely on. Nothing here may change.
func TestBytesOfValues(t *testing.T) {
	t.Parallel()
	spelled(t, codec.String, "", "")
	spelled(t, codec.String, "69 72 6d 61 6b 00 ff", "irmak\x00\xff")
	spelled(t, codec.Bytes, "01 00 02", []byte{1, 0, 2})
	spelled(t, codec.Unit, "", struct{}{})
	spelled(t, codec.Bool, "00", false)
	spelled(t, codec.Bool, "01", true)

	spelled(t, codec.Int64, "80 00 00 00 00 00 00 00", 0)
	spelled(t, codec.Int64, "7f ff ff ff ff ff ff ff", -1)
	spelled(t, codec.Int64, "00 00 00 00 00 00 00 00", math.MinInt64)
	spelled(t, codec.Int64, "80 00 00 00 00 00 01 02", 0x102)
	spelled(t, codec.Int32, "80 00 01 02", 0x102)
	spelled(t, codec.Int32, "7f ff ff ff", -1)
	spelled(t, codec.Uint64, "00 00 00 00 00 00 00 01", 1)
	spelled(t, codec.Float64, "bf f0 00 00 00 00 00 00", 1)
	spelled(t, codec.Float64, "40 0f ff ff ff ff ff ff", -1)
	spelled(t, codec.Float32, "bf 80 00 00", 1)
	spelled(t, codec.Float32, "40 7f ff ff", -1)

	spelled(t, codec.JavaLong, "ff ff ff ff ff ff ff ff", -1)
	spelled(t, codec.JavaLong, "00 00 00 00 00 00 01 02", 0x102)
	spelled(t, codec.JavaInteger, "ff ff ff fe", -2)
	spelled(t, codec.JavaDouble, "3f f0 00 00 00 00 00 00", 1)
	spelled(t, codec.JavaDouble, "bf f0 00 00 00 00 00 00", -1)
	spelled(t, codec.JavaFloat, "3f 80 00 00", 1)

	spelled(t, codec.Time, "80 00 00 00 00 00 00 00", time.Unix(0, 0).UTC())
	spelled(t, codec.Time, "80 00 01 9b 7f 3c ba ba", time.Date(2026, 1, 2, 15, 4, 5, 50e6, time.UTC))
	spelled(t, codec.Time, "7f ff ff ff ff ff ff ff", time.UnixMilli(-1).UTC())
	spelled(t, codec.Duration, "80 00 00 00 3b 9a ca 00", time.Second)
	spelled(t, codec.Duration, "7f ff ff ff ff ff ff ff", -1)
}

func TestBytesOfComposites(t *testing.T) {
	t.Parallel()
	hexOf := func(s string) string { return hex.EncodeToString([]byte(s)) }
	spelled(t, codec.JSON[payment](), hexOf(`{"card":"<a&b>","amount":-7}`), payment{Card: "<a&b>", Amount: -7})
	spelled(t, codec.JSON[*payment](), hexOf(`{"card":"c","amount":0}`), &payment{Card: "c"})
	spelled(t, codec.JSON[*payment](), hexOf(`null`), nil)
	spelled(t, codec.JSON[any](), hexOf(`[1,"x",null]`), any([]any{1.0, "x", nil}))
	spelled(t, codec.Text[netip.Addr](), hexOf("10.1.2.3"), netip.MustParseAddr("10.1.2.3"))
	spelled(t, codec.Text[big.Int](), hexOf("-12345678901234567890"), *bigInt("-12345678901234567890"))
	spelled(t, codec.Binary[url.URL](), hexOf("https://irmak.dev/a?b=c"),
		url.URL{Scheme: "https", Host: "irmak.dev", Path: "/a", RawQuery: "b=c"})
	spelled(t, messages, "0a 05 69 72 6d 61 6b", wrapperspb.String("irmak"))

	ab := codec.Pair(codec.String, codec.Int64)
	spelled(t, ab, "61 00 01 80 00 00 00 00 00 00 02", two{"a", 2})
	spelled(t, ab, "00 01 80 00 00 00 00 00 00 02", two{"", 2})
	spelled(t, ab, "00 ff 61 00 ff 00 ff ff 00 01 80 00 00 00 00 00 00 02", two{"\x00a\x00\x00\xff", 2})
	spelled(t, codec.Pair(codec.Int32, codec.Bool), "80 00 00 01 01", nums{1, true})
	spelled(t, codec.Pair(ab, codec.Bytes), "61 00 ff 01 80 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 02 00 01 62",
		deep{two{"a", 2}, []byte("b")})

	spelled(t, codec.Slice(codec.Int32), "80 00 00 01 7f ff ff ff", []int32{1, -1})
	spelled(t, codec.Slice(codec.String), "", nil)
	spelled(t, codec.Slice(codec.String), "01 61 00 02 62 63", []string{"a", "", "bc"})
	spelled(t, codec.Slice(codec.Unit), "00 00", []struct{}{{}, {}})
	spelled(t, codec.Slice(codec.Pair(codec.Int32, codec.Bool)), "80 00 00 01 01 80 00 00 02 00",
		[]nums{{1, true}, {2, false}})
	long := strings.Repeat("x", 300)
	spelled(t, codec.Slice(codec.String), "ac 02"+hexOf(long)+"01 79", []string{long, "y"})

	one := int64(1)
	spelled(t, codec.Nullable(codec.Int64), "00", nil)
	spelled(t, codec.Nullable(codec.Int64), "01 80 00 00 00 00 00 00 01", &one)
	spelled(t, codec.Func(codec.Int64.Append, codec.Int64.Decode), "80 00 00 00 00 00 00 01", 1)
}

func bigInt(text string) *big.Int {
	i, ok := new(big.Int).SetString(text, 10)
	if !ok {
		panic(text)
	}
	return i
}

// A time loses what is finer than a millisecond, towards the past, and its location.
func TestTimeIsMilliseconds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, out time.Time }{
		{time.Unix(1, 1_999_999).In(time.FixedZone("x", 3600)), time.UnixMilli(1001).UTC()},
		{time.Unix(-1, 999_999_999), time.UnixMilli(-1).UTC()},
		{time.Time{}, time.Time{}},
		{time.Date(-200_000_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-200_000_000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		b, err := codec.Time.Append(nil, c.in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := codec.Time.Decode(b); err != nil || got != c.out {
			t.Errorf("%v came back as %v, %v", c.in, got, err)
		}
	}
	for _, far := range []time.Time{time.Unix(math.MaxInt64/100, 0), time.Unix(math.MinInt64/100, 0)} {
		if b, err := codec.Time.Append([]byte("x"), far); err == nil || string(b) != "x" {
			t.Errorf("%v was encoded, as % x", far, b)
		}
	}
}

func TestEqualFloatsHaveEqualBytes(t *testing.T) {
	t.Parallel()
	spell := func(v float64) string {
		b, _ := codec.Float64.Append(nil, v)
		b, _ = codec.Float32.Append(b, float32(v))
		return hex.EncodeToString(b)
	}
	if negative := math.Copysign(0, -1); spell(negative) != spell(0) {
		t.Errorf("-0 is %s, 0 is %s", spell(negative), spell(0))
	}
	if other := math.Float64frombits(0xfff8000000000001); spell(other) != spell(math.NaN()) {
		t.Errorf("one NaN is %s, another %s", spell(other), spell(math.NaN()))
	}
	b, _ := codec.Float64.Append(nil, math.NaN())
	if v, err := codec.Float64.Decode(b); err != nil || v == v {
		t.Errorf("NaN came back as %v, %v", v, err)
	}
}

// A decoded string or slice is the memory that it was decoded from, and no more of it.
func TestDecodeAliases(t *testing.T) {
	t.Parallel()
	src := []byte("abc")
	s, _ := codec.String.Decode(src)
	b, _ := codec.Bytes.Decode(src)
	src[0] = 'x'
	if s != "xbc" || string(b) != "xbc" {
		t.Errorf("copied: %s %s", s, b)
	}
	pairs := codec.Pair(codec.Bytes, codec.Bytes)
	pair, _ := pairs.Append(nil, codec.Two[[]byte, []byte]{First: []byte("a"), Second: []byte("b")})
	v, err := pairs.Decode(pair)
	if err != nil || cap(v.First) != 1 {
		t.Errorf("an append to the first of a pair would write into the second: %+v %v", v, err)
	}
}

// What cannot be decoded says what was expected and how much came.
func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	refused(t, codec.Int64, "1234567", "codec: int64 takes 8 byte(s), got 7: was it written with another codec?")
	refused(t, codec.Int32, "12345678", "int32 takes 4 byte(s), got 8")
	refused(t, codec.Uint64, "", "uint64 takes 8 byte(s), got 0")
	refused(t, codec.Float64, "x", "float64 takes 8 byte(s), got 1")
	refused(t, codec.Float32, "x", "float32 takes 4 byte(s), got 1")
	refused(t, codec.Bool, "\x00\x01", "bool takes 1 byte(s), got 2")
	refused(t, codec.Bool, "\x02", "bool takes one byte 0 or 1, got 0x02")
	refused(t, codec.JavaLong, "x", "Java long takes 8 byte(s), got 1")
	refused(t, codec.JavaInteger, "x", "Java integer takes 4 byte(s), got 1")
	refused(t, codec.JavaDouble, "x", "Java double takes 8 byte(s), got 1")
	refused(t, codec.JavaFloat, "x", "Java float takes 4 byte(s), got 1")
	refused(t, codec.Time, "x", "time takes 8 byte(s), got 1")
	refused(t, codec.Duration, "x", "duration takes 8 byte(s), got 1")
	refused(t, codec.Unit, "x", "unit takes 0 byte(s), got 1")
	refused(t, codec.JSON[payment](), `{"card":1}`,
		"decode 10 byte(s) of JSON as codec_test.payment: json: cannot unmarshal number")
	refused(t, codec.JSON[payment](), `{} {}`, "invalid character '{' after top-level value")
	refused(t, codec.JSON[payment](), ``, "decode 0 byte(s) of JSON as codec_test.payment: unexpected end")
	refused(t, codec.Text[netip.Addr](), "10.1.2", "decode 6 byte(s) of text as netip.Addr: ")
	refused(t, codec.Binary[time.Time](), "x", "decode 1 byte(s) of binary as time.Time: ")
	refused(t, messages, "\x0a\x05ab", "decode 4 byte(s) as message *wrapperspb.StringValue: ")
	pair := codec.Pair(codec.String, codec.Int64)
	refused(t, pair, "abc", "pair of 3 byte(s): the first part has no end (00 01)")
	refused(t, pair, "abc\x00", "pair of 4 byte(s): the first part has no end (00 01)")
	refused(t, pair, "a\x00\x07c", "pair of 4 byte(s): 00 07 at 1, want 00 01 or 00 ff")
	refused(t, pair, "a\x00\x01c", "second of a pair: codec: int64 takes 8 byte(s), got 1")
	refused(t, codec.Pair(codec.JSON[int](), codec.Unit), "a\x00\x01",
		"first of a pair: codec: decode 1 byte(s) of JSON")
	refused(t, codec.Pair(codec.Int64, codec.String), "a", "a pair takes at least 8 bytes, got 1")
	refused(t, codec.Slice(codec.Int32), "12345", "slice takes a multiple of 4 bytes, got 5")
	refused(t, codec.Slice(codec.Bool), "\x00\x03", "element 1 of 2: codec: bool takes one byte 0 or 1, got 0x03")
	refused(t, codec.Slice(codec.String), "\x01a\x05ab", "slice of 5 byte(s): element 1 at 3 has 5, but 2 are left")
	refused(t, codec.Slice(codec.String), "\x01a\xff", "slice of 3 byte(s): no length of element 1 at 2")
	refused(t, codec.Nullable(codec.Int64), "", "nullable takes one byte 0, or a byte 1 and a value, got 0 byte(s)")
	refused(t, codec.Nullable(codec.Int64), "\x00x", "byte 0, or a byte 1 and a value, got 2 byte(s)")
	refused(t, codec.Nullable(codec.Int64), "\x01x", "int64 takes 8 byte(s), got 1")
}

func refused[T any](t *testing.T, c codec.Codec[T], src, want string) {
	t.Helper()
	v, err := c.Decode([]byte(src))
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "codec: ") {
		t.Errorf("%q as %T gives %v, error %v\nwant %s", src, v, v, err, want)
	}
	if !reflect.ValueOf(&v).Elem().IsZero() {
		t.Errorf("%q as %T gives %v beside the error", src, v, v)
	}
}

func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	type first = codec.Two[func(), struct{}]
	type second = codec.Two[struct{}, func()]
	bad, text := codec.JSON[func()](), codec.Text[refusing]()
	for name, encode := range map[string]func(dst []byte) ([]byte, error){
		"JSON":    func(dst []byte) ([]byte, error) { return bad.Append(dst, nil) },
		"text":    func(dst []byte) ([]byte, error) { return text.Append(dst, refusing{}) },
		"message": func(dst []byte) ([]byte, error) { return messages.Append(dst, wrapperspb.String("\xff")) },
		"first":   func(dst []byte) ([]byte, error) { return codec.Pair(bad, codec.Unit).Append(dst, first{}) },
		"second":  func(dst []byte) ([]byte, error) { return codec.Pair(codec.Unit, bad).Append(dst, second{}) },
		"element": func(dst []byte) ([]byte, error) { return codec.Slice(bad).Append(dst, make([]func(), 3)) },
	} {
		b, err := encode([]byte("before"))
		if err == nil || !strings.Contains(err.Error(), name) || !strings.HasPrefix(string(b), "before") {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := codec.Text[refusing]().Append(nil, refusing{}); !errors.Is(err, errRefused) {
		t.Errorf("the cause is lost: %v", err)
	}
}

var errRefused = errors.New("refused")

type refusing struct{}

func (refusing) AppendText([]byte) ([]byte, error) { return nil, errRefused }
func (*refusing) UnmarshalText([]byte) error       { return errRefused }

// A codec goes on working after an error, and keeps nothing of one value for the next.
func TestCodecsStartAfresh(t *testing.T) {
	t.Parallel()
	c := codec.JSON[payment]()
	for range 3 {
		if _, err := c.Decode([]byte(`{"card":"x","tags":{"a":"b"},"amount":"no"}`)); err == nil {
			t.Fatal("decoded")
		}
		v, err := c.Decode([]byte(`{"amount":5}`))
		if err != nil || !reflect.DeepEqual(v, payment{Amount: 5}) {
			t.Fatalf("%+v %v", v, err)
		}
	}
	a, _ := c.Decode([]byte(`{"tags":{"a":"1"}}`))
	b, _ := c.Decode([]byte(`{"tags":{"b":"2"}}`))
	if len(a.Tags) != 1 || len(b.Tags) != 1 {
		t.Errorf("two values share a map: %v %v", a, b)
	}
}

// MarshalJSON of a pointer is used for a value too.
func TestJSONUsesMethodsOfThePointer(t *testing.T) {
	t.Parallel()
	spelled(t, codec.JSON[celsius](), hex.EncodeToString([]byte(`"21C"`)), celsius{21})
}

type celsius struct{ degrees int }

func (c *celsius) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `"%dC"`, c.degrees), nil }
func (c *celsius) UnmarshalJSON(b []byte) error {
	_, err := fmt.Sscanf(string(b), `"%dC"`, &c.degrees)
	return err
}

func TestMessageOfAnotherInterface(t *testing.T) {
	t.Parallel()
	type notAMessage struct{}
	c := codec.Message(func() *notAMessage { return nil }, proto.MarshalOptions{}.MarshalAppend, proto.Unmarshal)
	_, err := c.Append(nil, nil)
	_, err2 := c.Decode(nil)
	for _, err := range []error{err, err2} {
		if err == nil || !strings.Contains(err.Error(), "*codec_test.notAMessage is not what") {
			t.Errorf("%v", err)
		}
	}
	// The same type in all three places.
	s := codec.Message(func() *structpb.Struct { return new(structpb.Struct) },
		func(dst []byte, m *structpb.Struct) ([]byte, error) {
			return proto.MarshalOptions{}.MarshalAppend(dst, m)
		},
		func(src []byte, m *structpb.Struct) error { return proto.Unmarshal(src, m) })
	in, _ := structpb.NewStruct(map[string]any{"a": 1.0})
	b, err := s.Append(nil, in)
	if out, err2 := s.Decode(b); err != nil || err2 != nil || !proto.Equal(in, out) {
		t.Errorf("%v came back as %v: %v, %v", in, out, err, err2)
	}
}
