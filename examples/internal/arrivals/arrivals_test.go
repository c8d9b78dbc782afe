// SPDX-License-Identifier: Apache-2.0

package arrivals_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/arrivals"
)

func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func TestQueue(t *testing.T) {
	t.Parallel()
	var q arrivals.Queue[string]
	q.Send("c", at(3))
	q.Send("a", at(1))
	q.Send("b", at(2))
	q.Send("b again", at(2))
	var got []string
	for what, ok := q.Before(at(3)); ok; what, ok = q.Before(at(3)) {
		got = append(got, what)
	}
	require.Equal(t, []string{"a", "b", "b again"}, got)
}

// What happens first and is sent slowly arrives last; the sequence ends where its reader wants it to.
func TestOf(t *testing.T) {
	t.Parallel()
	var q arrivals.Queue[string]
	var got []string
	for what := range arrivals.Of(&q, []arrivals.Happening{
		{At: at(0), Happens: func(now time.Time) time.Time {
			q.Send("slow", now.Add(15*time.Second))
			return now.Add(10 * time.Second)
		}},
		{At: at(0), Happens: func(now time.Time) time.Time {
			q.Send("quick", now.Add(time.Second))
			return now.Add(10 * time.Second)
		}},
	}) {
		if got = append(got, what); len(got) == 5 {
			break
		}
	}
	require.Equal(t, []string{"quick", "quick", "slow", "quick", "slow"}, got)
}
