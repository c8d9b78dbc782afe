// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rules are what a topic asks of the records that are written to it, beyond their size. A broker that finds one broken
// refuses the whole batch and does not say for which record in a way that could be relied on, and the transaction is
// lost. So Send holds each record against them, and one that breaks them is ErrRefused, alone.
type rules struct {
	before, after int64 // how far, in milliseconds, times may lie from the broker's clock
	keyed         bool  // records need a key: the topic is compacted
}

// The settings that rules are made of.
const (
	timestampType = "message.timestamp.type"
	oldestTime    = "message.timestamp.before.max.ms"
	farthestTime  = "message.timestamp.difference.max.ms" // of both, before Kafka 3.6
)

// LearnRules asks for the rules of topic, once. Who may not see them goes without: what breaks them then fails the
// transaction.
func (c *Client) LearnRules(ctx context.Context, topic string) error {
	c.mu.Lock()
	_, known := c.rules[topic]
	c.mu.Unlock()
	if known {
		return nil
	}
	var found map[string]settings
	err := c.retryIf(ctx, "settings of "+topic, notYet, func(ctx context.Context) (err error) {
		found, err = c.describeConfigs(ctx, []string{topic},
			cleanupPolicy, timestampType, oldestTime, newestTime, farthestTime)
		return err
	})
	if err != nil {
		return fmt.Errorf("settings of topic %s: %w", topic, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules[topic] = rulesOf(found[topic])
	return nil
}

// rulesFor gives what LearnRules has learnt.
func (c *Client) rulesFor(topic string) *rules {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rules[topic]
}

// rulesOf gives nil when there are none.
func rulesOf(s settings) *rules {
	r := &rules{
		before: s.milliseconds(oldestTime), after: s.milliseconds(newestTime),
		keyed: slices.Contains(strings.Split(s[cleanupPolicy], ","), "compact"),
	}
	if s[timestampType] == "LogAppendTime" {
		r.before, r.after = math.MaxInt64, math.MaxInt64
	}
	if *r == (rules{math.MaxInt64, math.MaxInt64, false}) {
		return nil
	}
	return r
}

func (s settings) milliseconds(name string) int64 {
	for _, n := range []string{name, farthestTime} {
		if ms, err := strconv.ParseInt(s[n], 10, 64); err == nil && ms >= 0 {
			return ms
		}
	}
	return math.MaxInt64
}

// span is the times that the rules allow now.
func (r *rules) span(now time.Time) (oldest, newest int64) {
	ms := now.UnixMilli()
	oldest, newest = max(0, ms-r.before), maxTime
	if r.after < maxTime-ms {
		newest = ms + r.after
	}
	return oldest, newest
}

// vet says what is wrong with a record, whose time was outside of what was allowed when that was last looked at, or
// that has no key.
func (t *Target) vet(nullKey bool, at int64) error {
	if uint64(at) > uint64(maxTime) {
		return fmt.Errorf("kafka: send to %v: time %d ms: Kafka's times are from 0 to %d", t.part, at, maxTime)
	}
	r := t.rules
	if r == nil {
		return nil
	}
	if t.look(); at < t.oldest || at > t.newest {
		name := newestTime
		if at < t.oldest {
			name = oldestTime
		}
		return fmt.Errorf("kafka: send to %v: the time %v is farther from now than the topic allows (%s): %w",
			t.part, time.UnixMilli(at).UTC().Format(time.RFC3339Nano), name, ErrRefused)
	}
	if nullKey && r.keyed {
		return fmt.Errorf("kafka: send to %v: the topic is compacted, so its records need a key: %w", t.part, ErrRefused)
	}
	return nil
}

// look sets the times that the topic takes now.
func (t *Target) look() {
	if t.rules != nil {
		t.oldest, t.newest = t.rules.span(t.p.c.opts.Clock.Now())
	}
}
