// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
)

const (
	valueSize  = 100 // bytes of a value
	maxKeys    = 1_000_000
	partitions = 8
	windowSize = time.Minute
)

// base is the event time of the first record; windows begin there.
var base = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC).UnixMilli()

// data is the input: each record follows from its number, so that what must come out can be computed without reading
// it. Event times ascend.
type data struct {
	records int64
	keys    int64
	span    time.Duration
}

// event is one record of the input.
type event struct {
	key    int64
	amount int64 // at least 1
	at     int64 // milliseconds since 1970
}

func (d data) event(i int64) event {
	x := mix(uint64(i))
	return event{
		key: int64(x>>32) % d.keys, amount: 1 + int64(x&0xffffffff)%1_000_000,
		at: base + int64(float64(i)/float64(d.records)*float64(d.span.Milliseconds())),
	}
}

// newKey is the key that the workload with the re-key goes over to.
func (d data) newKey(amount int64) int64 { return amount % d.keys }

// window is the number of the window that a time falls into, from 0.
func (d data) window(at int64) int64 { return (at - base) / windowSize.Milliseconds() }

func (d data) windows() int64 { return d.window(base+d.span.Milliseconds()) + 1 }

// mix spreads a number over 64 bits (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

const (
	keyPrefix = "key-"
	keyBytes  = len(keyPrefix) + 6
)

// appendKey writes a key as it stands in topics: key-000123.
func appendKey(dst []byte, key int64) []byte {
	dst = append(dst, keyPrefix...)
	for unit := int64(maxKeys / 10); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+key/unit%10))
	}
	return dst
}

func parseKey(b []byte) (int64, error) {
	if len(b) != keyBytes || string(b[:len(keyPrefix)]) != keyPrefix {
		return 0, fmt.Errorf("key %q is not one of the input's", b)
	}
	return strconv.ParseInt(string(b[len(keyPrefix):]), 10, 64)
}

// appendValue writes a value: the amount, and so much else that it has its size.
func appendValue(dst []byte, amount int64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(amount))
	for x := uint64(amount); len(dst)%valueSize != 0; {
		x = mix(x)
		dst = append(dst, byte(x))
	}
	return dst
}

// amountOf reads the amount of a value.
func amountOf(value []byte) (int64, error) {
	if len(value) != valueSize {
		return 0, fmt.Errorf("a value has %d bytes, want %d", len(value), valueSize)
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}
