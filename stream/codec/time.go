// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"fmt"
	"math"
	"time"
)

var (
	// Time is the milliseconds since 1970 as [Int64] writes them: 8 bytes, order-preserving, before 1970 too. What is
	// finer than a millisecond is cut off towards the past, as is the location: Decode gives UTC. A time whose
	// milliseconds do not fit (290 million years away) is an error.
	//
	// For a key, call UTC and Truncate(time.Millisecond) on the times that are compared with ==.
	Time Codec[time.Time] = timeCodec{}

	// Duration is the nanoseconds as [Int64] writes them: 8 bytes, order-preserving.
	Duration Codec[time.Duration] = durationCodec{}
)

type timeCodec struct{}

func (timeCodec) width() int { return 8 }

func (timeCodec) Append(dst []byte, v time.Time) ([]byte, error) {
	const farthest = math.MaxInt64/1000 - 1
	if s := v.Unix(); s > farthest || s < -farthest {
		return dst, fmt.Errorf("codec: time in the year %d does not fit into milliseconds since 1970", v.Year())
	}
	return int64Codec{}.Append(dst, v.UnixMilli())
}

func (timeCodec) Decode(src []byte) (time.Time, error) {
	if len(src) != 8 {
		return time.Time{}, wrongLength("time", 8, len(src))
	}
	ms, _ := int64Codec{}.Decode(src)
	return time.UnixMilli(ms).UTC(), nil
}

type durationCodec struct{}

func (durationCodec) width() int { return 8 }

func (durationCodec) Append(dst []byte, v time.Duration) ([]byte, error) {
	return int64Codec{}.Append(dst, int64(v))
}

func (durationCodec) Decode(src []byte) (time.Duration, error) {
	if len(src) != 8 {
		return 0, wrongLength("duration", 8, len(src))
	}
	ns, _ := int64Codec{}.Decode(src)
	return time.Duration(ns), nil
}
