// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// byOracle processes with franz-go and the oracle in place of irmak, so that what is around the topology is tested
// without it. It forgets everything when it ends.
func byOracle(profiles map[string]Profile) func(ctx context.Context, place runner.Place) error {
	return func(ctx context.Context, place runner.Place) error {
		s, err := kgo.NewGroupTransactSession(
			kgo.SeedBrokers(place.Brokers...), kgo.ConsumerGroup(application), kgo.TransactionalID("by-oracle"),
			kgo.ConsumeTopics(paymentsTopic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets(),
		)
		if err != nil {
			return err
		}
		defer s.Close()
		cards := map[string]*oracleCard{}
		for {
			fetches := s.PollFetches(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := errors.Join(fetches.Err(), s.Begin()); err != nil {
				return err
			}
			for r := range fetches.RecordsAll() {
				if err := oracleRecord(ctx, s, cards, profiles, r); err != nil {
					return err
				}
			}
			if _, err := s.End(ctx, kgo.TryCommit); err != nil {
				return err
			}
		}
	}
}

func oracleRecord(
	ctx context.Context, s *kgo.GroupTransactSession,
	cards map[string]*oracleCard, profiles map[string]Profile, r *kgo.Record,
) error {
	var p Payment
	if err := json.Unmarshal(r.Value, &p); err != nil {
		return err
	}
	if cards[p.Card] == nil {
		cards[p.Card] = &oracleCard{newest: map[Rule]int64{}}
	}
	profile, known := profiles[p.Card]
	for _, a := range cards[p.Card].next(p, profile, known) {
		out, err := record(alertsTopic, p.Card, a.Payment.At, a)
		if err != nil {
			return err
		}
		s.Produce(ctx, out, nil)
	}
	return nil
}

func TestProgramTellsHowItWent(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-n", "20000", "-cards", "200", "-json"})
	require.NoError(t, err)
	d := draw(1, 200, 20_000)
	var out, errs bytes.Buffer
	require.NoError(t, detect(t.Context(), o, newPrinter(&out, &errs, false, false, o.JSON), byOracle(d.profiles)))
	var final Final
	require.NoError(t, json.Unmarshal(out.Bytes(), &final))

	want := NewScore()
	byID := map[string]Payment{}
	for _, p := range d.payments {
		byID[p.ID] = p
	}
	for _, rules := range oracle(d.payments, d.profiles) {
		for _, alerts := range rules {
			for _, v := range alerts {
				want.Add(Alert{Rule: v.Rule, Payment: byID[v.Payment].Mark()})
			}
		}
	}
	require.True(t, final.Complete)
	require.EqualValues(t, 20_000, final.Records)
	require.Equal(t, want.Results(d.cases), final.Rules)
	require.Positive(t, final.Seconds)
}

func TestProgramReadsThePublicFile(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-input", "testdata/payments-sparkov.csv"})
	require.NoError(t, err)
	_, profiles := readFile(t, o.Input)
	var out, errs bytes.Buffer
	require.NoError(t, detect(t.Context(), o, newPrinter(&out, &errs, false, false, false), byOracle(profiles)))
	require.Equal(t, 58, bytes.Count(out.Bytes(), []byte("  overspend  card ")), out.String())
	require.Contains(t, out.String(), "5116 payments in ")
	require.Regexp(t, `all +58 +12 +0\.207 +18 +12 +0\.667`, out.String())
}

// TestProgramGoesOn stops the program twice and starts it again on the same directory: it feeds each payment once.
func TestProgramGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var final Final
	for round, runFor := range []time.Duration{700 * time.Millisecond, 700 * time.Millisecond, time.Minute} {
		o, err := parse([]string{"-n", "5000", "-rate", "2000", "-cards", "20", "-json", "-state-dir", dir})
		require.NoError(t, err)
		var out, errs bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), runFor)
		require.NoError(t, detect(ctx, o, newPrinter(&out, &errs, false, false, true), byOracle(nil)))
		cancel()
		require.NoError(t, json.Unmarshal(out.Bytes(), &final), out.String())
		require.Equal(t, round == 2, final.Complete, out.String())
	}
	require.EqualValues(t, 5000, final.Records)
}

func TestProgramSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`-guarantee "perhaps": want exactly-once or at-least-once`: {"-guarantee", "perhaps"},
		`-n -1: want 0 or more`:                           {"-n", "-1"},
		`-workers 0: want at least 1`:                     {"-workers", "0"},
		`-cards 0: want at least 1`:                       {"-cards", "0"},
		`-bad-lines "eat": want fail or skip`:             {"-bad-lines", "eat"},
		`"payments.csv": this program takes flags only`:   {"payments.csv"},
		`cannot read the payments: open /no/such/file`:    {"-input", "/no/such/file"},
		`no Kafka answers at [127.0.0.1:1]`:               {"-brokers", "127.0.0.1:1"},
		`testdata/README.md: the header lacks the column`: {"-input", "testdata/README.md"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			o, err := parse(args)
			if err == nil {
				var out bytes.Buffer
				err = detect(t.Context(), o, newPrinter(&out, &out, false, false, false), byOracle(nil))
			}
			require.ErrorContains(t, err, want)
		})
	}
}
