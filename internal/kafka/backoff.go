// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/irmak-go/irmak/internal/clock"
)

// backoff is the pause between attempts: it doubles from min to max, less up to a fifth at random, so that clients
// that failed together do not come back together. The zero count is the first attempt.
type backoff struct {
	clock    clock.Clock
	min, max time.Duration
	attempts int
}

// next is the pause before the next attempt.
func (b *backoff) next() time.Duration {
	d := b.max
	if shift := b.attempts; shift < 20 {
		d = min(b.min<<shift, b.max)
	}
	b.attempts++
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

// wait sleeps for next, and gives ctx's error when that ends first.
func (b *backoff) wait(ctx context.Context) error {
	select {
	case <-b.clock.After(b.next()):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reset makes the next pause the shortest again.
func (b *backoff) reset() { b.attempts = 0 }

// backoff gives the pauses that Options asks for.
func (c *Client) backoff() backoff {
	return backoff{clock: c.opts.Clock, min: c.opts.RetryBackoff, max: c.opts.RetryBackoffMax}
}

// retry calls f until it succeeds, fails with an error that is not retriable, ctx ends, or RetryTimeout has passed.
// what says in the error what was tried.
func (c *Client) retry(ctx context.Context, what string, f func(context.Context) error) error {
	return c.retryIf(ctx, what, retriable, f)
}

// retryIf is retry with a notion of its own of what passes.
func (c *Client) retryIf(
	ctx context.Context, what string, passes func(error) bool, f func(context.Context) error,
) error {
	pause, began := c.backoff(), c.opts.Clock.Now()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !passes(err) {
			return fmt.Errorf("%s: %w", what, err)
		}
		if past := c.opts.Clock.Now().Sub(began); past >= c.opts.RetryTimeout {
			return fmt.Errorf("%s: gave up after %v and %d attempts: %w",
				what, past.Round(time.Millisecond), pause.attempts+1, err)
		}
		c.log.Debug("kafka: will try again", "what", what, "attempt", pause.attempts+1, "err", err)
		if waitErr := pause.wait(ctx); waitErr != nil {
			return fmt.Errorf("%s: %w (last: %w)", what, waitErr, err)
		}
	}
}
