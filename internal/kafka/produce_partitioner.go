// SPDX-License-Identifier: Apache-2.0

package kafka

import "encoding/binary"

// PartitionFor is the partition of key among n, as Java's producer and Kafka Streams choose it: topics that either of
// them writes are co-partitioned with ours. n must be positive. A null key hashes as an empty one; who would rather
// spread those over the partitions does not ask here.
func PartitionFor(key []byte, n int32) int32 {
	return int32(Murmur2(key)&0x7fffffff) % n
}

// Murmur2 is the hash of Java's DefaultPartitioner: MurmurHash2, 32 bits, little endian, with Kafka's seed.
func Murmur2(key []byte) uint32 {
	const (
		seed  = 0x9747b28c
		mix   = 0x5bd1e995
		shift = 24
	)
	h := seed ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := binary.LittleEndian.Uint32(key) * mix
		k = (k ^ k>>shift) * mix
		h = h*mix ^ k
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * mix
	}
	h = (h ^ h>>13) * mix
	return h ^ h>>15
}
