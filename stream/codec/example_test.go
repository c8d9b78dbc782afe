// SPDX-License-Identifier: Apache-2.0

package codec_test

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/irmak-go/irmak/stream/codec"
)

func ExampleMessage() {
	var orders = codec.Message(func() *wrapperspb.StringValue { return new(wrapperspb.StringValue) },
		proto.MarshalOptions{Deterministic: true}.MarshalAppend, proto.Unmarshal)

	b, _ := orders.Append(nil, wrapperspb.String("coffee"))
	order, err := orders.Decode(b)
	fmt.Println(order.Value, err)
	// Output: coffee <nil>
}

func ExampleFunc() {
	decimal := codec.Func(
		func(dst []byte, v int) ([]byte, error) { return strconv.AppendInt(dst, int64(v), 10), nil },
		func(src []byte) (int, error) { return strconv.Atoi(string(src)) },
	)
	b, _ := decimal.Append([]byte("n="), 42)
	fmt.Printf("%s\n", b)
	// Output: n=42
}

// A composite key: all trips of a city lie together, by time.
func ExamplePair() {
	key := codec.Pair(codec.String, codec.Int64)
	b, _ := key.Append(nil, codec.Two[string, int64]{First: "Ordu", Second: 3})
	fmt.Printf("% x\n", b)
	v, _ := key.Decode(b)
	fmt.Println(v.First, v.Second)
	// Output:
	// 4f 72 64 75 00 01 80 00 00 00 00 00 00 03
	// Ordu 3
}

func ExampleJavaLong() {
	ours, _ := codec.Int64.Append(nil, -1)
	java, _ := codec.JavaLong.Append(nil, -1)
	fmt.Printf("% x\n% x\n", ours, java)
	// Output:
	// 7f ff ff ff ff ff ff ff
	// ff ff ff ff ff ff ff ff
}
