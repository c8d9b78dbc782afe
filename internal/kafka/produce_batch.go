// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/IBM/sarama"
)

const (
	recordHead       = 20 // time 8, key 4, value 4, headers 4: of one record in a batch's data
	headerHead       = 8  // key 4, value 4
	batchOverhead    = 61 // what a record batch has on the wire before its records
	batchLogOverhead = 12 // of it, what max.message.bytes has more than its round number

	// maxTime is the last millisecond that sarama can write (year 2262).
	maxTime = math.MaxInt64 / int64(time.Millisecond)
)

// batch is the records of one partition that are sent, repeated and acknowledged together.
//
// sarama wants []*Record, 112 bytes with six pointers per record. Kept from Send to the acknowledgement they would be
// most of the heap that the garbage collector walks. So a batch keeps bytes without pointers, and the records exist
// only while a request is encoded, in one slab per connection (encoder). A retry makes them again.
//
// Owner: the producer's owner until it enters t.queue, then whoever holds the producer's mu; a connection's sender
// reads it while it is in flight. data is not written to any more once the batch is sealed.
type batch struct {
	t      *Target
	data   []byte // records one after the other: recordHead, key, value, headers
	n      int    // records
	first  int64  // time of the first record, which the others' times count from
	latest int64
	seq    int32     // sequence number of the first record
	since  time.Time // when it entered the queue
	tried  bool      // was in a request: the broker may have it
	large  bool      // the broker found it too large: to be split
}

// begin makes b the empty batch of t.
func (b *batch) begin(t *Target) { *b = batch{t: t, data: b.data[:0], latest: math.MinInt64} }

// add appends one record of size bytes.
func (b *batch) add(size int, key, value []byte, time int64, headers []Header) {
	at := len(b.data)
	if at+size > cap(b.data) {
		grown := make([]byte, at, roundUp(max(at+size, min(2*cap(b.data), b.t.limit))))
		copy(grown, b.data)
		b.data = grown
	}
	b.data = b.data[:at+size]
	rest := put(b.data[at:], key, value, time, len(headers))
	for i := range headers {
		rest = putHeader(rest, &headers[i])
	}
	if b.n == 0 {
		b.first = time
	}
	b.latest = max(b.latest, time)
	b.n++
}

func put(dst, key, value []byte, time int64, headers int) (rest []byte) {
	_ = dst[recordHead-1]
	binary.LittleEndian.PutUint64(dst, uint64(time))
	binary.LittleEndian.PutUint32(dst[8:], length(key))
	binary.LittleEndian.PutUint32(dst[12:], length(value))
	binary.LittleEndian.PutUint32(dst[16:], uint32(headers))
	dst = dst[recordHead:]
	dst = dst[copy(dst, key):]
	return dst[copy(dst, value):]
}

func putHeader(dst []byte, h *Header) (rest []byte) {
	binary.LittleEndian.PutUint32(dst, uint32(len(h.Key)))
	binary.LittleEndian.PutUint32(dst[4:], length(h.Value))
	dst = dst[headerHead:]
	dst = dst[copy(dst, h.Key):]
	return dst[copy(dst, h.Value):]
}

func length(b []byte) uint32 {
	if b == nil {
		return math.MaxUint32
	}
	return uint32(len(b))
}

// take cuts n bytes off src; n of null gives nil.
func take(src []byte, n uint32) (taken, rest []byte) {
	if n == math.MaxUint32 {
		return nil, src
	}
	return src[:n:n], src[n:]
}

// storedSize is the room that a record takes in a batch.
func storedSize(key, value []byte, headers []Header) int {
	size := recordHead + len(key) + len(value)
	for i := range headers {
		size += headerHead + len(headers[i].Key) + len(headers[i].Value)
	}
	return size
}

// wireSize is the size of the record batch that holds nothing but this record.
func wireSize(key, value []byte, headers []Header) int {
	const attributesAndDeltas = 3
	size := attributesAndDeltas + fieldSize(len(key)) + fieldSize(len(value)) + varintSize(len(headers))
	for i := range headers {
		size += fieldSize(len(headers[i].Key)) + fieldSize(len(headers[i].Value))
	}
	return batchOverhead + fieldSize(size)
}

func fieldSize(n int) int { return varintSize(n) + n }

func varintSize(n int) int {
	size := 1
	for z := uint64(n) << 1; z >= 0x80; z >>= 7 {
		size++
	}
	return size
}

// split cuts b into two batches of half the records each. b keeps none.
func (b *batch) split() [2]*batch {
	front := &batch{t: b.t, seq: b.seq, since: b.since, tried: true}
	at := front.adopt(b.data, b.n/2)
	front.data = b.data[:at:at]
	back := &batch{t: b.t, seq: follow(b.seq, front.n), since: b.since, tried: true}
	back.adopt(b.data[at:], b.n-front.n)
	back.data = b.data[at:]
	return [2]*batch{front, back}
}

// adopt counts n records of data as b's and gives the bytes that they take.
func (b *batch) adopt(data []byte, n int) (at int) {
	b.n, b.latest = n, math.MinInt64
	for i := range n {
		stamp := int64(binary.LittleEndian.Uint64(data[at:]))
		if i == 0 {
			b.first = stamp
		}
		b.latest = max(b.latest, stamp)
		at += storedLength(data[at:])
	}
	return at
}

// storedLength is the length of the record that data begins with.
func storedLength(data []byte) int {
	key, value := int32(binary.LittleEndian.Uint32(data[8:])), int32(binary.LittleEndian.Uint32(data[12:]))
	at := recordHead + int(max(key, 0)) + int(max(value, 0))
	for range binary.LittleEndian.Uint32(data[16:]) {
		key, value = int32(binary.LittleEndian.Uint32(data[at:])), int32(binary.LittleEndian.Uint32(data[at+4:]))
		at += headerHead + int(key) + int(max(value, 0))
	}
	return at
}

// follow is the sequence number n records after seq. They wrap to 0 behind the greatest int32.
func follow(seq int32, n int) int32 { return int32((int64(seq) + int64(n)) & math.MaxInt32) }

// encoder turns batches into sarama's records, in slabs that it uses again: sarama reads them only until AsyncProduce
// returns.
//
// Owner: one connection's sender.
type encoder struct {
	records  []sarama.Record
	pointers []*sarama.Record
	headers  []sarama.RecordHeader
	headed   []*sarama.RecordHeader
}

// begin makes room for the records of batches.
func (e *encoder) begin(batches []*batch) {
	n := 0
	for _, b := range batches {
		n += b.n
	}
	if n > cap(e.records) {
		e.records = make([]sarama.Record, 0, n)
		e.pointers = make([]*sarama.Record, 0, n)
	}
	e.records, e.pointers = e.records[:0], e.pointers[:0]
	e.headers, e.headed = e.headers[:0], e.headed[:0]
}

// encode gives b as sarama sends it. It is valid until the next begin.
func (e *encoder) encode(b *batch) *sarama.RecordBatch {
	from, data := len(e.records), b.data
	for i := range b.n {
		time := int64(binary.LittleEndian.Uint64(data))
		key, value := binary.LittleEndian.Uint32(data[8:]), binary.LittleEndian.Uint32(data[12:])
		headers := int(binary.LittleEndian.Uint32(data[16:]))
		e.records = append(e.records, sarama.Record{OffsetDelta: int64(i), TimestampDelta: millis(time - b.first)})
		r := &e.records[len(e.records)-1]
		r.Key, data = take(data[recordHead:], key)
		r.Value, data = take(data, value)
		if headers > 0 {
			data = e.encodeHeaders(r, headers, data)
		}
		e.pointers = append(e.pointers, r)
	}
	return &sarama.RecordBatch{
		Version:          2,
		CompressionLevel: sarama.CompressionLevelDefault,
		LastOffsetDelta:  int32(b.n - 1),
		FirstTimestamp:   time.UnixMilli(b.first),
		MaxTimestamp:     time.UnixMilli(b.latest),
		FirstSequence:    b.seq,
		Records:          e.pointers[from:],
	}
}

// encodeHeaders may outgrow its slabs in the middle: what points into the old ones keeps them.
func (e *encoder) encodeHeaders(r *sarama.Record, n int, data []byte) (rest []byte) {
	from := len(e.headed)
	for range n {
		key, value := binary.LittleEndian.Uint32(data), binary.LittleEndian.Uint32(data[4:])
		e.headers = append(e.headers, sarama.RecordHeader{})
		h := &e.headers[len(e.headers)-1]
		h.Key, data = take(data[headerHead:], key)
		h.Value, data = take(data, value)
		e.headed = append(e.headed, h)
	}
	r.Headers = e.headed[from:]
	return data
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// pool keeps the memory of acknowledged batches for new ones: at most max bytes, by size, so that a partition with
// little to say does not sit on a large one.
//
// Owner: whoever holds the producer's mu.
type pool struct {
	bySize map[int][]*batch // by capacity, which roundUp gave
	bytes  int
	max    int
}

// get gives a batch for about size bytes; it grows when there are more.
func (f *pool) get(size int) *batch {
	size = roundUp(size)
	for c := size; c <= 2*size; c = roundUp(c + 1) {
		list := f.bySize[c]
		if len(list) == 0 {
			continue
		}
		b := list[len(list)-1]
		list[len(list)-1] = nil
		f.bySize[c] = list[:len(list)-1]
		f.bytes -= c
		return b
	}
	return &batch{data: make([]byte, 0, size)}
}

// put takes b back.
func (f *pool) put(b *batch) {
	c := cap(b.data)
	if f.bytes+c > f.max || c != roundUp(c) { // half of a batch that was split has any size
		return
	}
	if f.bySize == nil {
		f.bySize = map[int][]*batch{}
	}
	b.t = nil
	f.bytes += c
	f.bySize[c] = append(f.bySize[c], b)
}

// roundUp is the next size, of four between a power of two and the next: no more than a quarter is wasted.
func roundUp(size int) int {
	step := 1 << max(bits.Len(uint(size-1))-3, 0)
	return (size + step - 1) / step * step
}

// CheckCompression says what is wrong with the name of a compression.
func CheckCompression(name string) error {
	_, err := codecOf(name)
	return err
}

// codecOf is the codec called name.
func codecOf(name string) (sarama.CompressionCodec, error) {
	codec := sarama.CompressionNone
	if name == "" {
		return codec, nil
	}
	if err := codec.UnmarshalText([]byte(name)); err != nil {
		return codec, fmt.Errorf("kafka: compression %q: use none, gzip, snappy, lz4 or zstd", name)
	}
	return codec, nil
}
