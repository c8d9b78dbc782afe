// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

// onBoth runs a test against kfake and against a real broker.
func onBoth(t *testing.T, test func(t *testing.T, addrs []string)) {
	t.Parallel()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		test(t, kafkatest.Fake(t, kfake.NumBrokers(2), kfake.GroupMinSessionTimeout(100*time.Millisecond)))
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		test(t, kafkatest.Shared(t).Addrs())
	})
}

// roster is the oracle: it hears every Handler of a group and knows who owns what.
//
//  1. A partition is assigned only while nobody owns it, or while its owner sleeps: a sleeper cannot know.
//  2. A partition is revoked from, and lost by, its owner only; or lost by one from whom it was taken in its sleep.
type roster struct {
	mu     sync.Mutex
	owner  map[Partition]string
	asleep map[string]bool
	taken  map[string][]Partition // from sleepers
	heard  []string               // what the Handlers heard, for the message of a failure
	wrong  []string
	change chan struct{} // closed at the next change
}

func newRoster() *roster {
	return &roster{
		owner: map[Partition]string{}, asleep: map[string]bool{}, taken: map[string][]Partition{},
		change: make(chan struct{}),
	}
}

func (l *roster) note(who, what string, parts []Partition, each func(Partition) (wrong string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, fmt.Sprintf("%s %s %v", who, what, parts))
	if len(parts) == 0 {
		l.wrong = append(l.wrong, fmt.Sprintf("%s %s nothing", who, what))
	}
	for _, p := range parts {
		if wrong := each(p); wrong != "" {
			l.wrong = append(l.wrong, fmt.Sprintf("%s %s %v: %s", who, what, p, wrong))
		}
	}
	l.announce()
}

func (l *roster) announce() {
	close(l.change)
	l.change = make(chan struct{})
}

// until waits for the roster to satisfy f. It fails the test at once when an invariant broke.
func (l *roster) until(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		ok, wrong, heard, change := f(), slices.Clone(l.wrong), slices.Clone(l.heard), l.change
		l.mu.Unlock()
		require.Empty(t, wrong, "heard: %q", heard)
		if ok {
			return
		}
		select {
		case <-change:
		case <-deadline:
			require.FailNow(t, "not in time: "+what, "heard: %q\nowners: %v", heard, l.owner)
		}
	}
}

// untilOwns waits until every member owns as many partitions as said, and nobody else any.
func (l *roster) untilOwns(t *testing.T, want map[string]int) {
	t.Helper()
	l.until(t, fmt.Sprintf("partitions by member %v", want), func() bool {
		for who, n := range want {
			if len(l.partsOf(who)) != n {
				return false
			}
		}
		for _, who := range l.owner {
			if _, ok := want[who]; !ok {
				return false
			}
		}
		return true
	})
}

// partsOf needs mu.
func (l *roster) partsOf(who string) []Partition {
	var parts []Partition
	for p, o := range l.owner {
		if o == who {
			parts = append(parts, p)
		}
	}
	sortPartitions(parts)
	return parts
}

// owned is what who owns now.
func (l *roster) owned(who string) []Partition {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partsOf(who)
}

// count is how often who heard what.
func (l *roster) count(who, what string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.heard {
		var w, what2 string
		_, _ = fmt.Sscan(h, &w, &what2)
		if w == who && what2 == what {
			n++
		}
	}
	return n
}

func (l *roster) sleeps(who string, asleep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asleep[who] = asleep
}

// teammate is a Member under test, its Handler and its clock.
type teammate struct {
	name   string
	roster *roster
	client *Client
	member *Member
	clock  *sleeper
	stop   context.CancelFunc
	done   chan struct{}
	err    error // of Run, after done

	onRevoked, onLost func([]Partition) // called before the roster hears of it
}

func (m *teammate) Assigned(parts []Partition) {
	l := m.roster
	l.note(m.name, "assigned", parts, func(p Partition) string {
		owner := l.owner[p]
		l.owner[p] = m.name
		switch {
		case owner == "":
			return ""
		case l.asleep[owner]:
			l.taken[owner] = append(l.taken[owner], p)
			return ""
		}
		return "owned by " + owner
	})
}

func (m *teammate) Revoked(parts []Partition) {
	if m.onRevoked != nil {
		m.onRevoked(parts)
	}
	m.roster.note(m.name, "revoked", parts, func(p Partition) string {
		if owner := m.roster.owner[p]; owner != m.name {
			return "owned by " + owner
		}
		delete(m.roster.owner, p)
		return ""
	})
}

func (m *teammate) Lost(parts []Partition) {
	if m.onLost != nil {
		m.onLost(parts)
	}
	l := m.roster
	l.note(m.name, "lost", parts, func(p Partition) string {
		if i := slices.Index(l.taken[m.name], p); i >= 0 {
			l.taken[m.name] = slices.Delete(l.taken[m.name], i, i+1)
			return ""
		}
		if owner := l.owner[p]; owner != m.name {
			return "owned by " + owner
		}
		delete(l.owner, p)
		return ""
	})
}

// longerThanPatience is as long as kfake allows a session to be.
const longerThanPatience = 5 * time.Minute

// quick are options with which a rebalance takes a fraction of a second, and no session times out within patience.
func quick(group string, sets ...[]string) MemberOptions {
	return MemberOptions{
		Group: group, Groups: sets,
		SessionTimeout: longerThanPatience, HeartbeatInterval: 50 * time.Millisecond, RebalanceTimeout: longerThanPatience,
	}
}

// team starts members of one group.
type team struct {
	t      *testing.T
	addrs  []string
	roster *roster
}

func newTeam(t *testing.T, addrs []string) *team {
	return &team{t: t, addrs: addrs, roster: newRoster()}
}

// prepare makes a member that is not running yet.
func (tm *team) prepare(name string, opts MemberOptions) *teammate {
	tm.t.Helper()
	m := &teammate{name: name, roster: tm.roster, clock: newSleeper(), done: make(chan struct{})}
	client, err := Open(tm.t.Context(), Options{Brokers: tm.addrs, Clock: m.clock, Log: memberLog(tm.t, name)})
	require.NoError(tm.t, err)
	m.client = client
	m.member, err = NewMember(client, opts, m)
	require.NoError(tm.t, err)
	return m
}

// join starts a member. The test's end stops it.
func (tm *team) join(name string, opts MemberOptions) *teammate {
	tm.t.Helper()
	m := tm.prepare(name, opts)
	tm.run(m)
	return m
}

func (tm *team) run(m *teammate) {
	ctx, cancel := context.WithCancel(context.Background())
	m.stop = cancel
	go func() {
		defer close(m.done)
		m.err = m.member.Run(ctx)
	}()
	tm.t.Cleanup(func() {
		m.clock.wake()
		cancel()
		m.wait(tm.t)
		_ = m.client.Close()
	})
}

// wait waits for Run to return.
func (m *teammate) wait(t *testing.T) {
	t.Helper()
	select {
	case <-m.done:
	case <-time.After(patience):
		require.FailNow(t, m.name+" does not end")
	}
}

// leave ends a member in good order.
func (m *teammate) leave(t *testing.T) {
	t.Helper()
	m.stop()
	m.wait(t)
	require.NoError(t, m.err)
}

// topic makes a topic of the test's own.
func (tm *team) topic(partitions int32) string {
	tm.t.Helper()
	name := kafkatest.Name(tm.t, "t")
	tm.createTopic(name, partitions)
	return name
}

func (tm *team) createTopic(name string, partitions int32) {
	tm.t.Helper()
	client, err := Open(tm.t.Context(), Options{Brokers: tm.addrs})
	require.NoError(tm.t, err)
	defer client.Close()
	require.NoError(tm.t, client.CreateTopics(tm.t.Context(), []TopicSpec{
		{Name: name, Partitions: partitions, ReplicationFactor: -1},
	}))
}

// sleeper is the system's clock, until its process falls asleep: then nothing that waits for time goes on.
type sleeper struct {
	mu     sync.Mutex
	asleep chan struct{} // open while asleep, nil while awake
}

func newSleeper() *sleeper { return &sleeper{} }

func (s *sleeper) Now() time.Time { return clock.System.Now() }

func (s *sleeper) After(d time.Duration) <-chan time.Time {
	out := make(chan time.Time, 1)
	go func() {
		now := <-clock.System.After(d)
		s.mu.Lock()
		asleep := s.asleep
		s.mu.Unlock()
		if asleep != nil {
			<-asleep
		}
		out <- now
	}()
	return out
}

func (s *sleeper) sleep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asleep = make(chan struct{})
}

func (s *sleeper) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asleep != nil {
		close(s.asleep)
		s.asleep = nil
	}
}

// memberLog writes to t's log, as long as t runs.
func memberLog(t *testing.T, name string) *slog.Logger {
	w := &memberLogWriter{t: t}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.t = nil
	})
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo})).With("member", name)
}

type memberLogWriter struct {
	mu sync.Mutex
	t  *testing.T
}

func (w *memberLogWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Logf("%s", line)
	}
	return len(line), nil
}
