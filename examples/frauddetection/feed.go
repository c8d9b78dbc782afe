// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"iter"
	"time"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// The program's topics. All have the same keys, cards, and the same number of partitions, so that what belongs to a
// card meets without being sent over the network again.
const (
	paymentsTopic = "payments"
	profilesTopic = "card-profiles"
	alertsTopic   = "fraud-alerts"
	partitions    = 8
)

// Payments is where payments and the profiles of their cards come from: a Generator or a File.
type Payments interface {
	Profiles() iter.Seq2[Profile, error]
	Next() (Payment, error)
	Cases() map[Rule]int
}

// open gives the payments from their beginning; release is to be called when they are not needed any more.
func (in *input) open(seed uint64) (from Payments, release func() error, err error) {
	if in.file == "" {
		return NewGenerator(seed, in.cards), func() error { return nil }, nil
	}
	file, err := OpenFile(in.file, BadLines(in.badLines))
	if err != nil {
		return nil, nil, err
	}
	return file, file.Close, nil
}

// profileTime is as old as can be (0 is no time): whoever takes records by their times takes profiles before payments.
const profileTime = 1

// feed is all profiles, and then n payments, or all when n is 0. The profiles are there before the first payment is.
func (in *input) feed(seed uint64, n int64) iter.Seq[runner.Event] {
	return func(yield func(runner.Event) bool) {
		from, release, err := in.open(seed)
		if err != nil {
			yield(runner.Failed(err))
			return
		}
		defer release()
		for p, err := range from.Profiles() {
			if err != nil {
				yield(runner.Failed(err))
				return
			}
			if !yield(runner.Reference(runner.Send(profiles, p.Card, p, time.UnixMilli(profileTime)))) {
				return
			}
		}
		if !yield(runner.Event{}) {
			return
		}
		for p, err := range first(from, n) {
			e := runner.Failed(err)
			if err == nil {
				e = runner.Send(payments, p.Card, p, p.When())
			}
			if !yield(e) {
				return
			}
		}
	}
}

// first gives the next n payments, or all when n is 0. It ends with the first error.
func first(from Payments, n int64) iter.Seq2[Payment, error] {
	return func(yield func(Payment, error) bool) {
		for i := int64(0); n == 0 || i < n; i++ {
			p, err := from.Next()
			if errors.Is(err, io.EOF) || !yield(p, err) || err != nil {
				return
			}
		}
	}
}
