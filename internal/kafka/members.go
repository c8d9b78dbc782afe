// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/irmak-go/irmak/internal/clock"
)

// Handler is told what a Member owns. One method at a time is called, from a goroutine of the Member's; meanwhile the
// Member keeps its place in the group, but while Revoked runs the other members wait for these partitions: after
// RebalanceTimeout the Member leaves the group, and when the method has returned it calls Lost.
type Handler interface {
	// Assigned adds to what the process owns. parts is sorted and not empty, and holds all or nothing of a task.
	Assigned(parts []Partition)
	// Revoked takes from what the process owns. It returns when what was done for parts is committed and the engine has
	// let go of them; another member gets them right after. Until then Member.Identity can still commit for them.
	Revoked(parts []Partition)
	// Lost takes everything, too late for a commit: the group went on without us. It returns when the engine has let
	// go; only then does the Member join again, so that nothing can be committed under the new identity that was begun
	// under the old one.
	Lost(parts []Partition)
}

// MemberOptions say which group to join and how.
type MemberOptions struct {
	// Group is the consumer group.
	Group string
	// Groups are the sets of co-partitioned topics: partition p of all topics of a set goes to the same member.
	Groups [][]string
	// InstanceID makes the membership static: a process that restarts with the same one within SessionTimeout gets its
	// partitions back and nobody else notices, so it does not leave the group when Run ends. Two living processes with
	// one InstanceID fence each other. Defaults to none.
	InstanceID string
	// SessionTimeout is how long the group waits for a member that is silent before it gives the partitions to others.
	// The broker has limits for it, by default 6 s and 30 min. Defaults to 45 s.
	SessionTimeout time.Duration
	// HeartbeatInterval is how often the member is heard, and within which it notices a rebalance. Defaults to 3 s, at
	// most a third of SessionTimeout.
	HeartbeatInterval time.Duration
	// RebalanceTimeout is how long a rebalance waits for each member, its Handler's Revoked included. Defaults to 60 s.
	RebalanceTimeout time.Duration
	// RefreshInterval is within which added partitions and created topics are noticed. Defaults to 30 s.
	RefreshInterval time.Duration
	// Workers is what the member's share of the tasks is proportional to. Defaults to 1.
	Workers int
	// Warm, if set, gives the partitions of each set's first topic for which the process has state on disk: of two
	// members that could run a task the one with its state gets it. It is called before each join. Defaults to nil.
	Warm func() []Partition
}

func (o MemberOptions) withDefaults() MemberOptions {
	for _, d := range []struct {
		field    *time.Duration
		standard time.Duration
	}{
		{&o.SessionTimeout, 45 * time.Second},
		{&o.HeartbeatInterval, 3 * time.Second},
		{&o.RebalanceTimeout, 60 * time.Second},
		{&o.RefreshInterval, 30 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.standard
		}
	}
	o.HeartbeatInterval = min(o.HeartbeatInterval, o.SessionTimeout/3)
	o.Workers = max(o.Workers, 1)
	return o
}

const (
	// quickHeartbeat is the interval while tasks of the group are between two owners: nobody processes them, and the
	// rebalance that hands them over ends only when the last member has noticed it.
	quickHeartbeat = 100 * time.Millisecond
	// finishLimit is how long ctx's end waits for a rebalance under way. One that all others take part in is done when
	// the last of them has sent a heartbeat; beyond that our commits pass under the former generation anyway.
	finishLimit = 5 * time.Second
	// leaveRetries are for a coordinator that has just moved. Not more: the session times out, too.
	leaveRetries = 2
	// loudAttempts is after how many failures in a row an operator should hear of them, some three seconds: elections, and
	// the first group of a new cluster, cause fewer.
	loudAttempts = 8
	// shortestLimit bounds a heartbeat's answer from below, for sessions of less than a few seconds.
	shortestLimit = time.Second
)

// Member is this process' place in a consumer group: it joins, stays, and tells a Handler what it owns.
//
// It speaks the classic group protocol itself, on a connection of its own (ADR 0005), with the rebalance of KIP-429:
// who takes part in a rebalance keeps its partitions, and gives up afterwards what it was not assigned any more.
//
// Owner: the goroutine of Run. Only Identity and Rejoin may be called from others.
//
//  1. identity changes only after a join, and no join is sent between the loss of the membership and the return of
//     Handler.Lost. So whatever the process owns may be committed under identity, and nothing else can be.
//  2. owned is what the Handler was given and not asked back. Every join says owned, so that the leader holds back what
//     we still run.
//  3. Between a Handler's method and the one before lies its return.
type Member struct {
	client  *Client
	opts    MemberOptions
	handler Handler
	log     *slog.Logger
	clock   clock.Clock

	identity atomic.Pointer[GroupIdentity]
	asked    chan struct{} // by Rejoin

	state      memberState
	conn       *conn // to the coordinator, nil when there is none
	id         string
	generation int32
	said       subscription
	owned      []Partition
	target     []Partition // of the last assignment, between syncing and steady
	plan       *assignment // when we lead the generation, between joining and syncing

	rebalancing bool      // a heartbeat has said so since the last join
	nextBeat    time.Time // when the coordinator should hear of us
	nextLook    time.Time // when to look for new partitions
	quickUntil  time.Time // how long to beat quickly
	pause       backoff   // after errors
}

// NewMember prepares a member of opts.Group; Run joins it. The client must outlive it.
func NewMember(c *Client, opts MemberOptions, h Handler) (*Member, error) {
	if opts.Group == "" {
		return nil, fmt.Errorf("kafka: a group member needs the group's name")
	}
	sets, err := checkSets(opts.Groups)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", opts.Group, err)
	}
	opts = opts.withDefaults()
	m := &Member{
		client: c, opts: opts, handler: h, clock: c.opts.Clock,
		log:   c.log.With("group", opts.Group),
		asked: make(chan struct{}, 1),
		said:  subscription{Workers: opts.Workers, Sets: sets},
		pause: c.backoff(),
	}
	m.identity.Store(&GroupIdentity{Group: opts.Group, InstanceID: opts.InstanceID})
	return m, nil
}

// Identity is what to commit under, as of the last join. A commit that is refused with ILLEGAL_GENERATION came between
// a rebalance and our hearing of it: try again with a fresh Identity. UNKNOWN_MEMBER_ID means that Lost is about to be
// called. Before the first join the coordinator refuses it. Any goroutine may call it.
func (m *Member) Identity() GroupIdentity { return *m.identity.Load() }

// Rejoin asks for a rebalance, because what Warm gives has changed. It returns at once; any goroutine may call it.
func (m *Member) Rejoin() {
	select {
	case m.asked <- struct{}{}:
	default:
	}
}

// Run joins the group and stays in it until ctx ends; then it has everything revoked, leaves the group and returns nil.
// It may be called once. A coordinator that moves, restarts or cannot be reached is no error but a reason to try again,
// with the partitions still owned. It returns an error only when trying again cannot help: credentials, ACLs, another
// process with our InstanceID, other kinds of clients in the group. Then everything is lost.
func (m *Member) Run(ctx context.Context) error {
	m.transition(joining)
	defer m.disconnect()
	for ctx.Err() == nil || m.mustFinish() {
		err := m.step(ctx)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return m.leave(err)
		case membershipGone(err):
			m.lose(err)
			m.transition(joining)
		case hopeless(err):
			m.lose(err)
			m.transition(left)
			return fmt.Errorf("group %s: %w", m.opts.Group, err)
		default:
			m.stumble(err)
		}
		_ = m.pause.wait(ctx) // ctx is looked at above
	}
	return m.leave(nil)
}

// mustFinish says whether ctx's end has to wait, for finishLimit at most: the coordinator has counted us into a new
// generation. If we lead it everybody waits for our plan, and until we have heard the assignment our last commits are
// refused, unless they are part of transactions.
func (m *Member) mustFinish() bool { return m.state == syncing }

// step does what is next in the present state.
func (m *Member) step(ctx context.Context) error {
	switch m.state {
	case joining:
		return m.join(ctx)
	case syncing:
		return m.sync(ctx)
	case settling:
		return m.settle()
	default:
		return m.stay(ctx)
	}
}

// settle gives up what the assignment leaves out and takes up what is new in it. Who gave something up joins again at
// once: the others wait for it.
func (m *Member) settle() error {
	gone, added := without(m.owned, m.target), without(m.target, m.owned)
	if err := m.revoke(gone); err != nil {
		return err
	}
	if len(added) > 0 {
		m.log.Info("kafka: partitions assigned", "added", len(added), "owned", len(m.owned)+len(added),
			"generation", m.generation)
		m.owned = append(m.owned, added...)
		sortPartitions(m.owned)
		if err := m.attend(func() { m.handler.Assigned(added) }); err != nil {
			return err
		}
	}
	if len(gone) > 0 || m.rebalancing {
		m.transition(joining)
		return nil
	}
	m.transition(steady)
	return nil
}

func (m *Member) revoke(parts []Partition) error {
	if len(parts) == 0 {
		return nil
	}
	m.log.Info("kafka: partitions revoked", "revoked", len(parts), "owned", len(m.owned)-len(parts),
		"generation", m.generation)
	err := m.attend(func() { m.handler.Revoked(slices.Clone(parts)) })
	m.owned = without(m.owned, parts)
	return err
}

// stay keeps the place until something asks for a rebalance.
func (m *Member) stay(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-m.asked:
		m.said.Round++
		m.transition(joining)
		return nil
	case <-m.clock.After(m.nextBeat.Sub(m.clock.Now())):
	}
	if !m.clock.Now().Before(m.nextLook) {
		changed, err := m.look(ctx)
		if err != nil {
			return err
		}
		if changed {
			m.log.Info("kafka: the partitions of a topic have changed, joining again")
			m.transition(joining)
			return nil
		}
	}
	if err := m.beat(ctx); err != nil {
		return err
	}
	if m.rebalancing {
		m.transition(joining)
	}
	return nil
}

// attend runs a Handler's method and is heard by the coordinator meanwhile. Its error says that the membership is gone
// or cannot be kept; the method has returned all the same.
//
// The coordinator does not wait for a member that gives something up: to it the rebalance is over, and the member as
// good as any as long as it is heard. So it is the member that leaves when others have waited for RebalanceTimeout.
func (m *Member) attend(method func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		method()
	}()
	end := m.clock.Now().Add(m.opts.RebalanceTimeout)
	for {
		wait := m.nextBeat.Sub(m.clock.Now())
		if left := end.Sub(m.clock.Now()); left > 0 {
			wait = min(wait, left)
		}
		select {
		case <-done:
			return nil
		case <-m.clock.After(wait):
		}
		// Not under Run's ctx: the last Revoked comes after its end.
		var err error
		if m.clock.Now().Before(end) {
			err = m.beat(context.Background())
		} else {
			err = m.giveWay()
		}
		if membershipGone(err) || hopeless(err) {
			<-done
			return err
		}
		if err != nil {
			m.stumble(err)
			m.nextBeat = m.clock.Now().Add(m.pause.next())
		}
	}
}

// giveWay leaves the group with everything that is owned.
func (m *Member) giveWay() error {
	m.log.Error("kafka: handing over takes longer than others can wait: leaving the group until it is done",
		"timeout", m.opts.RebalanceTimeout)
	if err := m.sayLeave(); err != nil {
		return err
	}
	return fmt.Errorf("the hand-over took longer than %v: %w", m.opts.RebalanceTimeout, sarama.ErrUnknownMemberId)
}

// lose drops what was owned. A coordinator that does not know our id will give us another one; a generation that is not
// its own is fenced all the same, whatever the id.
func (m *Member) lose(err error) {
	m.transition(losing)
	m.log.Warn("kafka: lost the membership, and with it the partitions", "partitions", len(m.owned), "err", err)
	if len(m.owned) > 0 {
		m.handler.Lost(slices.Clone(m.owned))
	}
	m.owned = nil
	if errors.Is(err, sarama.ErrUnknownMemberId) {
		m.id = ""
	}
}

// leave ends the membership in good order. err is what came between, if anything.
func (m *Member) leave(err error) error {
	if membershipGone(err) || hopeless(err) {
		m.lose(err)
		m.transition(left)
		return nil
	}
	m.transition(leaving)
	defer m.transition(left)
	m.disconnect() // ctx's end may still be about to cut it
	if err := m.revoke(m.owned); err != nil {
		m.log.Warn("kafka: the membership ended before the last commit", "err", err)
		return nil
	}
	if m.id == "" || m.opts.InstanceID != "" {
		return nil
	}
	err = m.sayLeave()
	for range leaveRetries {
		if err == nil || hopeless(err) {
			break
		}
		m.stumble(err)
		_ = m.pause.wait(context.Background())
		err = m.sayLeave()
	}
	if err != nil {
		m.log.Warn("kafka: could not leave the group, others wait for the session timeout",
			"timeout", m.opts.SessionTimeout, "err", err)
	}
	return nil
}

// stumble is what follows an error that passes: the coordinator is somewhere else, or will be back.
func (m *Member) stumble(err error) {
	level := slog.LevelDebug
	if m.pause.attempts >= loudAttempts {
		level = slog.LevelWarn
	}
	m.log.Log(context.Background(), level, "kafka: group membership disturbed, trying again", "state", m.state,
		"attempt", m.pause.attempts+1, "err", err)
	if errors.Is(err, sarama.ErrOffsetsLoadInProgress) {
		return // the right coordinator, not ready yet
	}
	m.disconnect()
	m.client.forgetCoordinator(m.opts.Group)
	m.nextBeat = m.clock.Now()
}

// membershipGone says whether the group goes on without us, so that others may have our partitions.
func membershipGone(err error) bool {
	return errors.Is(err, sarama.ErrUnknownMemberId) || errors.Is(err, sarama.ErrIllegalGeneration)
}

// hopeless says whether trying again cannot help until somebody changes something.
func hopeless(err error) bool {
	return slices.ContainsFunc([]error{
		ErrAuth, ErrUnauthorized, ErrFenced, ErrClosed, sarama.ErrInconsistentGroupProtocol, sarama.ErrInvalidGroupId,
		sarama.ErrInvalidSessionTimeout, sarama.ErrGroupMaxSizeReached, sarama.ErrUnsupportedVersion,
	}, func(e error) bool { return errors.Is(err, e) })
}

// explain adds what to do to the coordinator's code.
func (m *Member) explain(code sarama.KError) error {
	err := classify(code)
	hint := map[sarama.KError]string{
		sarama.ErrFencedInstancedId: fmt.Sprintf("another process runs with instance id %q: give each its own",
			m.opts.InstanceID),
		sarama.ErrInconsistentGroupProtocol: "clients of another kind are members: stop them or choose another group",
		sarama.ErrInvalidSessionTimeout: fmt.Sprintf("the broker allows no session timeout of %v: see its "+
			"group.min.session.timeout.ms and group.max.session.timeout.ms", m.opts.SessionTimeout),
		sarama.ErrGroupMaxSizeReached: "the group has as many members as the broker's group.max.size allows",
		sarama.ErrInvalidGroupId:      "the broker refuses the group's name",
	}[code]
	if hint == "" {
		return err
	}
	return fmt.Errorf("%s: %w", hint, err)
}

// heartbeatInterval is the present one.
func (m *Member) heartbeatInterval() time.Duration {
	if m.clock.Now().Before(m.quickUntil) {
		return min(quickHeartbeat, m.opts.HeartbeatInterval)
	}
	return m.opts.HeartbeatInterval
}

// heartbeatLimit leaves time for a second and a third attempt within the session.
func (m *Member) heartbeatLimit() time.Duration {
	return max(m.opts.SessionTimeout/3, shortestLimit)
}
