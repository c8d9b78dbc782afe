// SPDX-License-Identifier: Apache-2.0

package window

// Combiner computes the values of overlapping windows from the partial results that they share.
//
// Merging all parts of each window would be the plain way: an hour that advances by a second has 3600 windows of 3600
// parts for each record, 13 million merges. But the windows move in one direction, so that parts come in at one end
// and go out at the other, a queue whose total is wanted:
//
//	     front          back
//	[s₁ s₂ s₃ s₄] [v₅ v₆ v₇ → b]      total = s₁ merged with b
//	 each the merge                    out: drop s₁; when front is empty, back becomes front, merged from its end
//	 of itself and all behind it       in:  b = b merged with v
//
// Each part is merged at most twice and each window once more. It needs nothing from Merge but that it is
// associative; no part is ever taken out again.
//
// A Combiner may be used again and again by one goroutine and then allocates nothing.
type Combiner[A any] struct {
	// Merge gives the result of two parts, of which the older comes first. It must not change them.
	Merge func(older, newer A) A

	front []A
}

// Panes calls yield for each of spans with the merge, in time order, of the parts whose time it contains, and leaves
// out the spans without any. spans ascend by start and by end, as all kinds of windows give them. times ascend and
// values are the parts at these times.
func (c *Combiner[A]) Panes(spans []Span, times []int64, values []A, yield func(Span, A)) {
	var (
		first, mid, last int // the queue is [first, last), of which [first, mid) is the front
		back             A   // the merge of values[mid:last], if there are any
	)
	for _, s := range spans {
		for ; last < len(times) && (times[last] < s.End || s.End == Forever); last++ {
			if mid == last {
				back = values[last]
			} else {
				back = c.Merge(back, values[last])
			}
		}
		for ; first < last && times[first] < s.Start; first++ {
			if first == mid {
				c.turn(values[first:last])
				mid = last
			}
		}
		switch {
		case first == last:
		case first == mid:
			yield(s, back)
		case mid == last:
			yield(s, c.front[mid-1-first])
		default:
			yield(s, c.Merge(c.front[mid-1-first], back))
		}
	}
	clear(c.front[:cap(c.front)]) // hold on to nothing
	c.front = c.front[:0]
}

// turn makes values the front, newest first: c.front[i] is the merge of the last i+1 values.
func (c *Combiner[A]) turn(values []A) {
	c.front = append(c.front[:0], values[len(values)-1])
	for i := len(values) - 2; i >= 0; i-- {
		c.front = append(c.front, c.Merge(values[i], c.front[len(c.front)-1]))
	}
}
