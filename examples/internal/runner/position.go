// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"maps"
	"sync"
)

// Position is how far the feed is. Each transaction of the feed writes one, as the last record of the feed's topic, so
// it is true exactly when the records that it counts are there.
type Position struct {
	Claim string          `json:"claim,omitempty"` // a process announces that it feeds from now on; nothing else is set
	Fed   int64           `json:"fed,omitempty"`   // records, all topics together
	Ends  map[int32]int64 `json:"ends,omitempty"`  // of the input topic: the offsets after the last records
	Of    int64           `json:"of,omitempty"`    // how many records were asked for, 0: all that there are
	Done  bool            `json:"done,omitempty"`  // there is no more of these
	Note  json.RawMessage `json:"note,omitempty"`  // what the source says about what it gave
}

// reaches says whether the feed is done for those who ask for n records.
func (p Position) reaches(n int64) bool { return p.Done && (p.Of == 0 || n != 0 && n <= p.Of) }

// positions is what this process has seen of the feed.
//
// The tail's goroutine writes it, the feed's goroutine and the loop read it; mu guards all fields.
//
//  1. latest is the position of the newest record that is not a claim.
//  2. changed is closed, and replaced, with every record.
type positions struct {
	mu      sync.Mutex
	latest  Position
	claims  map[string]Position // what was latest when the claim came
	changed chan struct{}
}

func newPositions() *positions {
	return &positions{claims: map[string]Position{}, changed: make(chan struct{})}
}

func (p *positions) saw(next Position) {
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
func (p *positions) now() (Position, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	latest := p.latest
	latest.Ends = maps.Clone(latest.Ends)
	return latest, p.changed
}

// before is the position that a claim found.
func (p *positions) before(claim string) (Position, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.claims[claim]
	found.Ends = maps.Clone(found.Ends)
	return found, ok
}
