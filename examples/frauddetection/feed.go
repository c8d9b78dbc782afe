// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
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

// source feeds all profiles, then the payments. It is a runner.Source.
type source struct {
	payments Payments
	close    func() error
	left     int64 // payments, negative: all
	fed      int64 // payments
	profile  func() (Profile, error, bool)
	stop     func()
}

// note is what the feed remembers about the payments so far.
type note struct {
	Payments int64        `json:"payments"`
	Cases    map[Rule]int `json:"cases"`
}

// newSource feeds at most n payments, all when n is 0. close may be nil.
func newSource(payments Payments, n int64, close func() error) *source {
	s := &source{payments: payments, close: close, left: n}
	if n == 0 {
		s.left = -1
	}
	s.profile, s.stop = iter.Pull2(payments.Profiles())
	return s
}

// profileTime is as old as can be (0 is no time): whoever takes records by their times takes profiles before payments.
const profileTime = 1

// Next is the next record. The profiles are there before the first payment is.
func (s *source) Next() (*kgo.Record, error) {
	if s.profile != nil {
		p, err, ok := s.profile()
		if ok && err == nil {
			return record(profilesTopic, p.Card, profileTime, p)
		} else if err != nil {
			return nil, err
		}
		s.profile = nil
		return nil, nil
	}
	if s.left == 0 {
		return nil, io.EOF
	}
	p, err := s.payments.Next()
	if err != nil {
		return nil, err
	}
	s.left--
	s.fed++
	return record(paymentsTopic, p.Card, p.At, p)
}

// Note counts payments and frauds.
func (s *source) Note() any { return note{Payments: s.fed, Cases: s.payments.Cases()} }

// Close ends the reading.
func (s *source) Close() error {
	s.stop()
	if s.close == nil {
		return nil
	}
	return s.close()
}

func record(topic, key string, at int64, v any) (*kgo.Record, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return nil, errors.New("cannot encode a record of " + topic + ": " + err.Error())
	}
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: value, Timestamp: time.UnixMilli(at)}, nil
}
