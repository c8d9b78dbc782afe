// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"testing"
	"time"

	"github.com/irmak-go/irmak/internal/clock"
)

func TestManualMovesOnlyByHand(t *testing.T) {
	t.Parallel()
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	m := clock.NewManual(start)
	early, late := m.After(time.Second), m.After(time.Minute)
	if m.Now() != start || len(m.After(0)) != 1 {
		t.Fatal("a manual clock begins where it is told, and what is due is due at once")
	}
	m.Advance(time.Second)
	if len(early) != 1 || len(late) != 0 {
		t.Fatal("a second wakes who waited for a second, and nobody else")
	}
	m.Advance(-time.Hour)
	if want := start.Add(time.Second); m.Now() != want {
		t.Fatalf("it went back to %v", m.Now())
	}
	m.Advance(time.Hour)
	if at := <-late; at != start.Add(time.Second+time.Hour) {
		t.Fatalf("woken with %v", at)
	}
}
