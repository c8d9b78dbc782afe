// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/examples/internal/runtest"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

const (
	killCards = 200
	killStep  = 4000 // payments in a round
	killRate  = 2000 // of them in a second, so that a round lasts until the kill
)

// storm is a real Kafka and two processes of the program on it, which get through one round after the other: in each
// they are asked for more payments, somebody is killed in the middle, with kill -9, and started again, and all ends
// well. In the first round nobody is killed: both directories have state from then on.
//
// After each round the committed alerts of each card and rule must be those that the oracle gives, in order: none lost,
// none twice. What belongs to a card is in one partition, so this depends on the input alone and not on how partitions
// come to lie between each other.
type storm struct {
	kafka  *kafkatest.Cluster
	cl     *kgo.Client
	dirs   [2]string
	rounds int
	rolled [2]map[string]int64 // per directory, store and partition: the highest position that was found there
	before int64               // the group's offsets when the round began
	n      int64               // payments asked for
}

// pair are the two processes of a round.
type pair [2]*runtest.Process

// feeder is the one that feeds: the other says that it does not.
func (p *pair) feeder() int {
	if len(p[0].Lines("another process feeds from now on")) > 0 {
		return 1
	}
	return 0
}

// moment is what is waited for before a kill, when so much of the round's work is done. All but the first are met again
// and again while there is work.
type moment int

const (
	inRestore    moment = iota // a process reads its state, whatever the progress
	inWork                     // now
	inResults                  // results are written, their transaction is open
	inChangelogs               // changes of state are written, their transaction is open
	inFeed                     // payments are written, the feed's transaction is open
	moments
)

func (m moment) String() string {
	return [...]string{"in-restore", "in-work", "in-results", "in-changelogs", "in-feed"}[m]
}

// come says whether it is the moment for a process.
func (s *storm) come(t *testing.T, m moment, p *runtest.Process) bool {
	topic := ""
	switch m {
	case inRestore:
		return len(p.Lines("state rolled forward")) > 0
	case inWork:
		return true
	case inResults:
		topic = alertsTopic
	case inChangelogs:
		topic = application + "-last-seen-changelog"
	case inFeed:
		topic = paymentsTopic
	}
	written := ends(t, s.cl, topic, false)
	for p, decided := range ends(t, s.cl, topic, true) {
		if written[p] > decided {
			return true
		}
	}
	return false
}

// done is how much of the round's work is done, from 0 to 1.
func (s *storm) done(t *testing.T) float64 {
	return float64(groupOffsets(t, s.cl)-s.before) / killStep
}

// await returns when the moment has come, or so much is done that there would soon be none.
func (s *storm) await(t *testing.T, m moment, progress float64, p *runtest.Process) {
	t.Helper()
	const latest = 0.9
	for limit := time.After(runtest.Patience); ; {
		done := s.done(t)
		if done >= latest || (done >= progress || m == inRestore) && s.come(t, m, p) {
			t.Logf("%v at %.2f", m, done)
			require.Less(t, done, 1.0, "the round was over before the kill")
			return
		}
		select {
		case <-limit:
			t.Fatal("the work does not get on")
		case <-time.After(time.Millisecond):
		}
	}
}

// start starts one of the two processes. The first has a static membership, the second has not: the group sees a kill
// in two ways.
func (s *storm) start(t *testing.T, i int) *runtest.Process {
	instance := ""
	if i == 0 {
		instance = "first"
	}
	return runtest.Launch(t, "-brokers", strings.Join(s.kafka.Addrs(), ","), "-state-dir", s.dirs[i],
		"-instance", instance,
		"-n", fmt.Sprint(s.n), "-rate", fmt.Sprint(killRate), "-cards", fmt.Sprint(killCards), "-workers", "2",
		"-commit-interval", "40ms", "-checkpoint-interval", "200ms", "-session-timeout", "2s", "-json", "-v")
}

// round asks for more, lets happen what is to happen, and looks at what has come out.
func (s *storm) round(t *testing.T, name string, happen func(t *testing.T, running *pair)) {
	s.rounds++
	if t.Failed() {
		return // there is no telling what would be right
	}
	t.Run(fmt.Sprintf("%02d-%s", s.rounds, name), func(t *testing.T) {
		if s.n > 0 { // else there is no topic yet
			s.before = groupOffsets(t, s.cl)
		}
		s.n += killStep
		running := pair{s.start(t, 0), s.start(t, 1)}
		happen(t, &running)
		for i, p := range running {
			p.RequireAll(t, s.n, fmt.Sprintf("process %d", i))
			s.requireNothingWiped(t, i, p)
		}
		d := draw(1, killCards, int(s.n))
		require.NoError(t, differences(oracleOf(d.payments, d.profiles), committedAlerts(t, s.kafka.Addrs())))
	})
}

// requireNothingWiped looks at where a process found the state in its directory: never before where it was found once.
func (s *storm) requireNothingWiped(t *testing.T, dir int, p *runtest.Process) {
	t.Helper()
	for store, from := range rolledFrom(p.Log()) {
		require.GreaterOrEqual(t, from, s.rolled[dir][store], "%s in directory %d", store, dir)
		s.rolled[dir][store] = from
	}
	require.NotContains(t, p.Log(), "rebuilding")
}

// killProcess kills process i and starts it again: at once, and then it goes on with its state, or when the other has
// taken its work over.
func (s *storm) killProcess(t *testing.T, i int, atOnce bool, running *pair) {
	victim, other := running[i], running[1-i]
	victim.Kill()
	s.requireNothingWiped(t, i, victim)
	if !atOnce {
		had := len(other.Lines("task runs"))
		other.Await(t, "it takes over", func() bool { return len(other.Lines("task runs")) > had })
	}
	again := s.start(t, i)
	running[i] = again
	if atOnce {
		again.Await(t, "it finds its state", func() bool { return foundState(again.Log()) })
	}
}

// newStorm starts the brokers. Nobody is killed in the first round.
func newStorm(t *testing.T, brokers int) (*storm, *rand.Rand) {
	s := &storm{
		kafka: kafkatest.Start(t, kafkatest.Options{Brokers: brokers}), dirs: [2]string{t.TempDir(), t.TempDir()},
		rolled: [2]map[string]int64{{}, {}},
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var err error
	s.cl, err = kgo.NewClient(kgo.SeedBrokers(s.kafka.Addrs()...))
	require.NoError(t, err)
	t.Cleanup(s.cl.Close)
	s.round(t, "undisturbed", func(*testing.T, *pair) {})
	return s, rand.New(rand.NewPCG(seed, 0))
}

func TestNobodyKnowsThatAProcessWasKilled(t *testing.T) {
	t.Parallel()
	s, rng := newStorm(t, 1)
	for i := range 2 * int(moments) {
		m, who, progress, atOnce := moment(i)%moments, i/int(moments), 0.1+0.5*rng.Float64(), i%4 != 3
		s.round(t, fmt.Sprintf("process-%d-%v", who, m), func(t *testing.T, running *pair) {
			s.await(t, m, progress, running[who])
			if m == inFeed {
				who = running.feeder()
			}
			s.killProcess(t, who, atOnce, running)
		})
	}
}

// Three brokers: when Kafka 4.3 is alone and comes back from a kill -9, it takes partitions that have no leader yet for
// deleted ones. What was just being committed there is not marked as such any more, and nobody ever reads on behind it.
func TestNobodyKnowsThatABrokerWasKilled(t *testing.T) {
	t.Parallel()
	s, rng := newStorm(t, 3)
	for _, m := range []moment{inWork, inChangelogs, inFeed} {
		who, progress := rng.IntN(3), 0.1+0.5*rng.Float64()
		s.round(t, fmt.Sprintf("broker-%d-%v", who, m), func(t *testing.T, running *pair) {
			s.await(t, m, progress, nil)
			require.NoError(t, s.kafka.Kill(who))
			require.NoError(t, s.kafka.Restart(who))
		})
	}
}
