// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	lookInterval = 250 * time.Millisecond // how often the loop looks how far the work is
	lookTimeout  = 5 * time.Second        // for what it asks
	peekTimeout  = time.Second            // for reading the rest of partitions
	blindLimit   = 10 * time.Second       // a broker that restarts is not worth a warning
)

// look tells how far the work is, and whether it is done: the feed is, and there is nothing left in what tasks read.
//
// The committed offsets are asked for first. What was processed until then has all its results in the topics after it,
// so when each topic, looked at later, ends at its committed offset, there is nothing on the way between them.
func (l *loop) look(ctx context.Context) (done bool, err error) {
	asking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	done, err = l.ask(asking)
	if err != nil && !passing(err) {
		return false, err
	}
	if err != nil {
		l.blinded(err)
		return false, nil
	}
	l.seeing, l.blind = time.Now(), false
	return done, nil
}

func (l *loop) ask(ctx context.Context) (done bool, err error) {
	group, err := committed(ctx, l.cl, l.name)
	if err != nil {
		return false, err
	}
	now, _ := l.tail.seen.now()
	fed, processed := offsets{}, int64(0)
	for topic, ends := range now.Ends {
		global := !slices.Contains(l.inputs, topic) // each process reads all of it, and commits nothing
		for p, end := range ends {
			if global {
				processed += end
				continue
			}
			fed.set(topic, p, end)
			processed += min(group.of(topic, p), end)
		}
	}
	reference := now.Fed - now.Work // it is fed first, or most of it
	g := progress{
		processed: max(min(processed, now.Fed)-reference, 0), fed: now.Work, elapsed: time.Since(l.started),
	}
	for _, topic := range l.order {
		g.outputs = append(g.outputs, outputCount{topic, l.records[topic]})
	}
	l.printer.progress(g)
	if !now.reaches(l.n) || !group.reach(fed) {
		return false, nil
	}
	return l.nothingLeft(ctx, group, fed)
}

// nothingLeft says whether the committed offsets of the inputs that are not fed, such as repartition topics, are at
// their ends.
func (l *loop) nothingLeft(ctx context.Context, group, fed offsets) (bool, error) {
	inner := slices.DeleteFunc(slices.Clone(l.inputs), func(topic string) bool { return fed[topic] != nil })
	if len(inner) == 0 {
		return true, nil
	}
	partitions, err := partitionsOf(ctx, l.cl, inner)
	if err != nil || len(partitions) < len(inner) {
		return false, err // some are not created yet
	}
	ends, err := askEnds(ctx, l.cl, partitions)
	if err != nil {
		return false, err
	}
	rest := offsets{}
	for topic := range partitions {
		for p, end := range ends[topic] {
			if group.of(topic, p) < end {
				rest.set(topic, p, end)
			}
		}
	}
	return l.onlyMarkers(ctx, group, rest)
}

// onlyMarkers says whether there is nothing to process between the committed offsets and the ends. What ends a
// transaction takes up an offset, too, and nobody commits just to pass over that.
func (l *loop) onlyMarkers(ctx context.Context, group, ends offsets) (bool, error) {
	if len(ends) == 0 {
		return true, nil
	}
	from := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range ends {
		from[topic] = map[int32]kgo.Offset{}
		for p := range partitions {
			from[topic][p] = kgo.NewOffset().At(group.of(topic, p))
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(l.brokers...), kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return false, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, peekTimeout)
	defer cancel()
	for read := group.clone(); ; {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return false, nil // a transaction is open; the next look will tell
		}
		if err := fetches.Err(); err != nil {
			return false, err
		}
		for r := range fetches.RecordsAll() {
			if !r.Attrs.IsControl() {
				return false, nil
			}
			read.set(r.Topic, r.Partition, r.Offset+1)
		}
		if read.reach(ends) {
			return true, nil
		}
	}
}
