// SPDX-License-Identifier: Apache-2.0

package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var epoch = time.Unix(1_700_000_000, 0)

const second = time.Second

// feed adds a group of n records, all of them queued, with the offsets from first on.
func (q *backlog) feed(n int, first int64) {
	q.next += int64(n)
	q.flushed(n)
	q.ack(first, n)
}

// take removes the n oldest rows, given that they have the numbers from seq on.
func (q *backlog) take(seq int64, n int) int64 {
	for range n {
		q.left(seq)
		seq++
	}
	return seq
}

func TestPaceSettlesAtTheWholeIntervalAndIsEven(t *testing.T) {
	t.Parallel()
	q := &backlog{end: -1}
	now, seq, queued := epoch, int64(0), 0
	for i := range 600 { // a minute of 100 rows each 100 ms
		q.feed(100, int64(i)*101)
		queued += 100
		now = now.Add(second / 10)
		n := q.due(now, 10*second)
		seq = q.take(seq, n)
		queued -= n
		require.LessOrEqual(t, q.age(now), 10*second)
		if i > 250 {
			require.InDelta(t, 100, n, 15, "at commit %d", i)
			require.InDelta(t, 9_500, queued, 600)
		}
		require.LessOrEqual(t, len(q.groups), mergeParts+1)
		q.check("test")
	}
}

func TestPaceSpreadsABurst(t *testing.T) {
	t.Parallel()
	q := &backlog{end: -1}
	now, seq, left := epoch, int64(0), 100_000
	q.feed(left, 0)
	most := 0
	for range 101 {
		n := q.due(now, 10*second)
		seq = q.take(seq, n)
		left -= n
		most = max(most, n)
		now = now.Add(second / 10)
	}
	require.Zero(t, left)
	require.Less(t, most, 1_100, "a hundredth at a time")
}

func TestEverythingIsDueWithoutAnInterval(t *testing.T) {
	t.Parallel()
	q := &backlog{end: -1}
	q.feed(10, 0)
	q.feed(20, 11)
	require.Equal(t, 30, q.due(epoch, 0))
}

func TestIdleQueueIsDueAtOnce(t *testing.T) {
	t.Parallel()
	q := &backlog{end: -1}
	q.due(epoch, 10*second)
	q.feed(10, 0)
	q.due(epoch, 10*second)
	require.Equal(t, 10, q.due(epoch.Add(time.Hour), 10*second))
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	q := &backlog{end: -1}
	q.next = 10
	q.flushed(10)
	q.ack(100, 4)
	q.ack(104, 1) // the same run
	q.ack(200, 5) // another one
	require.Len(t, q.runs, 2)
	require.EqualValues(t, 100, q.offset(0))
	require.EqualValues(t, 104, q.offset(4))
	require.EqualValues(t, 203, q.offset(8))
	require.Len(t, q.runs, 1, "the first run is of no use any more")
	require.EqualValues(t, 205, q.settle())
	q.ack(300, 0)
	require.EqualValues(t, 300, q.settle())
}
