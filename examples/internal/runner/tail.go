// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tail reads the feed's positions and the outputs, from the beginning, as a reader at read committed sees them.
type tail struct {
	cl   *kgo.Client
	feed string
	seen *positions
	out  chan []*kgo.Record // of the output topics, control records among them
}

func newTail(brokers []string, feed string, outputs []string, seen *positions) (*tail, error) {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(append([]string{feed}, outputs...)...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// A control record is a transaction's end. They tell how far a partition is read when nothing else follows.
		kgo.KeepControlRecords(),
	)
	return &tail{cl: cl, feed: feed, seen: seen, out: make(chan []*kgo.Record)}, err
}

// run reads until ctx is done.
func (t *tail) run(ctx context.Context) error {
	for {
		fetches := t.cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		fetches.EachError(func(topic string, partition int32, e error) {
			err = fmt.Errorf("cannot read %s/%d: %w", topic, partition, e)
		})
		if err != nil {
			return err
		}
		var output []*kgo.Record
		fetches.EachRecord(func(r *kgo.Record) {
			switch {
			case r.Topic != t.feed:
				output = append(output, r)
			case !r.Attrs.IsControl() && err == nil:
				var p position
				if err = json.Unmarshal(r.Value, &p); err == nil {
					t.seen.saw(p)
				}
			}
		})
		if err != nil {
			return fmt.Errorf("topic %s holds something that this program did not write: %w", t.feed, err)
		}
		select {
		case t.out <- output:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
