// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGeneratorDependsOnNothingButItsSeed(t *testing.T) {
	t.Parallel()
	a, b, other := NewGenerator(7, 50), NewGenerator(7, 50), NewGenerator(8, 50)
	same, otherwise := true, true
	for range 20_000 {
		p, _ := a.Next()
		q, _ := b.Next()
		o, _ := other.Next()
		same, otherwise = same && p == q, otherwise && p == o
	}
	require.True(t, same)
	require.False(t, otherwise)
	require.Equal(t, a.Cases(), b.Cases())
}

func TestGeneratedPaymentsAreOnlySoMuchOutOfOrder(t *testing.T) {
	t.Parallel()
	g := NewGenerator(1, 500)
	first, clock, worst, late := int64(math.MaxInt64), int64(0), int64(0), 0
	for range 50_000 {
		p, _ := g.Next()
		first = min(first, p.At)
		worst = max(worst, clock-p.At)
		if clock > p.At {
			late++
		}
		clock = max(clock, p.At)
	}
	require.GreaterOrEqual(t, first, generatorStart)
	require.LessOrEqual(t, worst, MaxDisorder.Milliseconds())
	require.Greater(t, worst, MaxDisorder.Milliseconds()/2)
	require.Greater(t, late, 1000)
}

func TestGeneratedPeopleSleepAtNight(t *testing.T) {
	t.Parallel()
	g := NewGenerator(1, 200)
	var hours [24]int
	for range 50_000 {
		if p, _ := g.Next(); !p.Fraud {
			hours[int(SolarHour(p.At, p.Shop.Long()))]++
		}
	}
	for h := range int(NightEnd) {
		require.Less(t, hours[h]*20, hours[14], "hour %d: %v", h, hours)
	}
}

func TestGeneratorNeedsFewCards(t *testing.T) {
	t.Parallel()
	g := NewGenerator(3, 1) // one card, used until there is no country left where it would be new
	for range 50_000 {
		if _, err := g.Next(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProfilesBelongToTheirCards(t *testing.T) {
	t.Parallel()
	cards := map[string]Profile{}
	g := NewGenerator(1, 1000)
	for p := range g.Profiles() {
		require.Positive(t, p.Limit)
		cards[p.Card] = p
	}
	require.Len(t, cards, 1000)
	for range 10_000 {
		if p, _ := g.Next(); p.Home != cards[p.Card].Home || p.Amount <= 0 {
			t.Fatalf("%+v is not what %+v buys", p, cards[p.Card])
		}
	}
}

func BenchmarkGenerator(b *testing.B) {
	g := NewGenerator(1, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
