// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"sync"
)

// offsets are offsets of partitions, by topic.
type offsets map[string]map[int32]int64

func (o offsets) of(topic string, partition int32) int64 { return o[topic][partition] }

func (o offsets) set(topic string, partition int32, offset int64) {
	if o[topic] == nil {
		o[topic] = map[int32]int64{}
	}
	o[topic][partition] = offset
}

// clone is a copy that can be set.
func (o offsets) clone() offsets {
	out := offsets{}
	for topic, partitions := range o {
		for p, offset := range partitions {
			out.set(topic, p, offset)
		}
	}
	return out
}

// reach says whether no offset lies before that of ends.
func (o offsets) reach(ends offsets) bool {
	for topic, partitions := range ends {
		for p, end := range partitions {
			if o.of(topic, p) < end {
				return false
			}
		}
	}
	return true
}

// position is how far the feed is. Each transaction of the feed writes one, as the last record of the feed's topic, so
// it is true exactly when the records that it counts are there.
type position struct {
	Claim string  `json:"claim,omitempty"` // a process announces that it feeds from now on; nothing else is set
	Fed   int64   `json:"fed,omitempty"`   // records, all topics together, reference data too
	Work  int64   `json:"work,omitempty"`  // those that are not reference data
	Ready bool    `json:"ready,omitempty"` // what is there before the first barrier, or the first of the work, is fed
	Ends  offsets `json:"ends,omitempty"`  // the offsets after the last records
	Of    int64   `json:"of,omitempty"`    // how much work was asked for, 0: all that there is
	Done  bool    `json:"done,omitempty"`  // there is no more of it
}

// reaches says whether the feed is done for those who ask for n records.
func (p position) reaches(n int64) bool { return p.Done && (p.Of == 0 || n != 0 && n <= p.Of) }

// positions is what this process has seen of the feed.
//
// The tail's goroutine writes it, the feed's goroutine and the loop read it; mu guards all fields. The offsets of a
// position are never changed once it is here.
//
//  1. latest is the position of the newest record that is not a claim.
//  2. changed is closed, and replaced, with every record.
type positions struct {
	mu      sync.Mutex
	latest  position
	claims  map[string]position // what was latest when the claim came
	changed chan struct{}
}

func newPositions() *positions {
	return &positions{claims: map[string]position{}, changed: make(chan struct{})}
}

func (p *positions) saw(next position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next.Claim != "" {
		p.claims[next.Claim] = p.latest
	} else {
		p.latest = next
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// now is the newest position, and a channel that is closed when there is a newer one or a claim.
func (p *positions) now() (position, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest, p.changed
}

// awaitReady returns when the feed is ready to be processed, or ctx is done.
func (p *positions) awaitReady(ctx context.Context) error {
	for {
		latest, changed := p.now()
		if latest.Ready {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// before is the position that a claim found.
func (p *positions) before(claim string) (position, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.claims[claim]
	return found, ok
}
