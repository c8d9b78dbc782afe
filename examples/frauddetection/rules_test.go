// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	izmir = Point{38.42, 27.14}
	lima  = Point{-12.05, -77.04}
)

func at(clock string) int64 {
	t, err := time.Parse("15:04:05", clock)
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 3, 1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC).UnixMilli()
}

func TestDistanceAndSpeed(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 12_065, Distance(izmir, lima), 50)
	require.Zero(t, Distance(izmir, izmir))
	require.InDelta(t, 20_015, Distance(Point{0, 0}, Point{0, 180}), 5)
	require.InDelta(t, 10, Distance(izmir, izmir.Shift(6, 8)), 0.1)
	require.InDelta(t, 120, Speed(60, 30*time.Minute), 0.001)
	require.Greater(t, Speed(1, 0), 1e9)
	require.InDelta(t, 13.8, SolarHour(at("12:00:00"), 27), 0.001)
	require.InDelta(t, 18.0, SolarHour(at("02:00:00"), -120), 0.001)
}

func TestSpendIsHeldAgainstTheLimit(t *testing.T) {
	t.Parallel()
	var sum Tally
	for i, clock := range []string{"10:00:00", "10:05:00", "10:09:00"} {
		sum = sum.Add(Payment{ID: string(rune('a' + i)), At: at(clock), Amount: 100_00})
	}
	end := at("10:09:00") + 1
	_, alert := CheckSpend(sum, end, Profile{Limit: 300_00})
	require.False(t, alert, "the limit itself is allowed")
	a, alert := CheckSpend(sum, end, Profile{Limit: 299_99})
	require.True(t, alert)
	require.Equal(t, Alert{
		Rule: Overspend, Why: "300.00 spent within ten minutes, the limit is 299.99",
		Payment: Mark{ID: "c", At: end - 1},
	}, a)
	_, alert = CheckSpend(sum, end+1, Profile{Limit: 1})
	require.False(t, alert, "a window that no payment ends is not judged")
}

func TestTalliesMergeInAnyOrder(t *testing.T) {
	t.Parallel()
	a := Tally{}.Add(Payment{ID: "a", At: 5, Amount: 1})
	b := Tally{}.Add(Payment{ID: "b", At: 5, Amount: 2})
	c := Tally{}.Add(Payment{ID: "c", At: 4, Amount: 4})
	want := Tally{Sum: 7, Count: 3, Last: Mark{ID: "b", At: 5}}
	require.Equal(t, want, a.Merge(b).Merge(c))
	require.Equal(t, want, c.Merge(b.Merge(a)))
	require.Equal(t, want, Tally{}.Merge(want))
	require.Equal(t, want, want.Merge(Tally{}))
}

func TestTravel(t *testing.T) {
	t.Parallel()
	home := func(clock string) Payment { return Payment{At: at(clock), Home: izmir, Shop: izmir} }
	away := func(clock string) Payment { return Payment{At: at(clock), Home: izmir, Shop: lima} }

	last, _, alert := CheckTravel(Sighting{}, false, home("08:00:00"))
	require.False(t, alert)
	require.Equal(t, Sighting{At: at("08:00:00"), Place: izmir}, last)

	kept, a, alert := CheckTravel(last, true, away("09:00:00"))
	require.True(t, alert)
	require.Equal(t, last, kept, "where the thief is is not where the holder is")
	require.Regexp(t, `^12\d\d\d km from the payment 1h0m0s before$`, a.Why)

	_, a, alert = CheckTravel(last, true, away("07:59:50"))
	require.True(t, alert)
	require.Regexp(t, `^12\d\d\d km from the payment 10s after$`, a.Why)

	there, _, alert := CheckTravel(last, true, away("22:00:00"))
	require.False(t, alert, "fourteen hours are enough")
	require.Equal(t, lima, there.Place)
	back, _, alert := CheckTravel(there, true, home("22:10:00"))
	require.False(t, alert, "at home the holder is expected")
	require.Equal(t, izmir, back.Place)
	kept, _, alert = CheckTravel(back, true, home("22:09:50"))
	require.False(t, alert)
	require.Equal(t, back, kept, "what arrives late is not the last sighting")
}

func TestAbroad(t *testing.T) {
	t.Parallel()
	night := Payment{At: at("08:00:00"), Country: "PE", Shop: lima} // 02:51 by the sun of Lima
	seen := []string{"TR"}
	next, a, alert := CheckAbroad(seen, night, izmir)
	require.True(t, alert)
	require.Equal(t, []string{"TR", "PE"}, next)
	require.Equal(t, []string{"TR"}, seen)
	require.Regexp(t, `^first use in PE, 12\d\d\d km from home, at 02:51$`, a.Why)

	_, _, alert = CheckAbroad(next, night, izmir)
	require.False(t, alert, "not the first use")
	noon := night
	noon.At = at("17:00:00")
	_, _, alert = CheckAbroad(seen, noon, izmir)
	require.False(t, alert, "not at night")
	_, _, alert = CheckAbroad(seen, night, lima.Shift(-700, 300))
	require.False(t, alert, "not far")
	noon.Country = ""
	same, _, alert := CheckAbroad(seen, noon, izmir)
	require.False(t, alert)
	require.Equal(t, seen, same)
}

func TestAbroadForgetsTheOldestCountry(t *testing.T) {
	t.Parallel()
	var seen []string
	for i := range 3 * maxSeenCountries {
		seen, _, _ = CheckAbroad(seen, Payment{Country: string(rune('A' + i))}, Point{})
		require.LessOrEqual(t, len(seen), maxSeenCountries)
	}
	require.Equal(t, string(rune('A'+3*maxSeenCountries-1)), seen[len(seen)-1])
}

func TestPaymentAsJSONIsFlatAndShort(t *testing.T) {
	t.Parallel()
	p := Payment{ID: "p1", Card: "4", At: 5, Amount: 6, Home: Point{1.5, 2}}
	p.Label = Label{Fraud: true, Rule: Travel, Case: 9}
	b, err := json.Marshal(p)
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"p1","card":"4","at":5,"amount":6,"merchant":"","category":"","home":[1.5,2],"shop":[0,0],
		"fraud":true,"rule":"travel","case":9}`, string(b))
	var back Payment
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, p, back)
	require.Equal(t, "-1.05", money(-105))
}

func TestScore(t *testing.T) {
	t.Parallel()
	fraud := func(rule Rule, n int) Mark { return Mark{Label: Label{Fraud: true, Rule: rule, Case: n}} }
	s := NewScore()
	s.Add(Alert{Rule: Travel, Payment: fraud(Travel, 1)})
	s.Add(Alert{Rule: Travel, Payment: fraud(Travel, 1)})
	s.Add(Alert{Rule: Travel, Payment: fraud(Abroad, 2)})
	s.Add(Alert{Rule: Travel})
	s.Add(Alert{Rule: "of tomorrow", Payment: fraud("", 3)})
	require.Equal(t, 5, s.Alerts())
	results := s.Results(map[Rule]int{Travel: 2, Abroad: 1, "": 1})
	require.Equal(t, []Result{
		{Rule: Overspend, Cases: 1, Precision: 1},
		{Rule: Velocity, Cases: 1, Precision: 1},
		{Rule: Travel, Alerts: 4, Right: 3, Cases: 3, Found: 1, Precision: 0.75, Recall: 1. / 3},
		{Rule: Abroad, Cases: 2, Precision: 1},
		{Rule: "all", Alerts: 5, Right: 4, Cases: 4, Found: 3, Precision: 0.8, Recall: 0.75},
	}, results)
}
