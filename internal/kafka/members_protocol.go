// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// join becomes part of a new generation. The coordinator answers when every member has joined, and until then counts
// the wait as a sign of life.
func (m *Member) join(ctx context.Context) error {
	if _, err := m.look(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err() // the end may cut the connection that look has used, and nobody would hear of our joining
	}
	if len(m.owned) > 0 || m.id == "" && m.opts.InstanceID == "" {
		// The coordinator counts us in whether or not we hear it. With partitions: see mustFinish. Without an id: the
		// answer is one, at once, and the next rebalance waits for whoever was given it until its session ends; so hear
		// it in order to leave with it.
		var cancel context.CancelFunc
		ctx, cancel = m.outlasting(ctx)
		defer cancel()
	}
	req, err := m.joinRequest()
	if err != nil {
		return err
	}
	m.rebalancing = false
	res, err := ask(ctx, m, m.joinLimit(), (*sarama.Broker).JoinGroup, req)
	switch {
	case err != nil:
		return err
	case res.Err == sarama.ErrMemberIdRequired:
		m.id = res.MemberId // and once more, under it: KIP-394
		return nil
	case res.Err != sarama.ErrNoError:
		return fmt.Errorf("join: %w", m.explain(res.Err))
	}
	m.id, m.generation, m.plan = res.MemberId, res.GenerationId, nil
	m.identity.Store(&GroupIdentity{
		Group: m.opts.Group, MemberID: m.id, Generation: m.generation, InstanceID: m.opts.InstanceID,
	})
	if res.LeaderId == res.MemberId {
		if err := m.lead(res); err != nil {
			return err
		}
	}
	m.transition(syncing)
	return nil
}

func (m *Member) joinRequest() (*sarama.JoinGroupRequest, error) {
	if m.opts.Warm != nil {
		m.said.Warm = byTopic(m.opts.Warm())
	}
	req := sarama.NewJoinGroupRequest(m.client.conf.Version)
	req.GroupId, req.MemberId, req.GroupInstanceId = m.opts.Group, m.id, m.instance()
	req.ProtocolType = protocolType
	req.SessionTimeout = int32(m.opts.SessionTimeout.Milliseconds())
	req.RebalanceTimeout = int32(m.opts.RebalanceTimeout.Milliseconds())
	meta, err := joinMetadata(m.said, m.owned)
	if err != nil {
		return nil, err
	}
	return req, req.AddGroupProtocolMetadata(protocolName, meta)
}

// lead plans for everybody.
func (m *Member) lead(res *sarama.JoinGroupResponse) error {
	members, warnings, err := candidates(res)
	if err != nil {
		return err
	}
	a := plan(members)
	for _, w := range append(warnings, a.warnings...) {
		m.log.Warn("kafka: " + w)
	}
	m.log.Debug("kafka: planned the assignment", "generation", m.generation, "members", len(members), "held", a.held)
	m.plan = &a
	return nil
}

// sync hears the assignment.
func (m *Member) sync(ctx context.Context) error {
	ctx, cancel := m.outlasting(ctx)
	defer cancel()
	kind, name := protocolType, protocolName
	req := &sarama.SyncGroupRequest{
		Version: 5, GroupId: m.opts.Group, MemberId: m.id, GenerationId: m.generation,
		GroupInstanceId: m.instance(), ProtocolType: &kind, ProtocolName: &name,
	}
	if m.plan != nil {
		if err := addAssignments(req, *m.plan); err != nil {
			return err
		}
	}
	res, err := ask(ctx, m, m.joinLimit(), (*sarama.Broker).SyncGroup, req)
	switch {
	case err != nil:
		return err
	case res.Err == sarama.ErrRebalanceInProgress:
		m.transition(joining)
		return nil
	case res.Err != sarama.ErrNoError:
		return fmt.Errorf("sync: %w", m.explain(res.Err))
	}
	target, v, err := readAssignment(res)
	if err != nil {
		return err
	}
	m.target, m.plan = target, nil
	m.quickUntil = time.Time{}
	if v.Held > 0 {
		m.quickUntil = m.clock.Now().Add(m.opts.RebalanceTimeout)
	}
	m.heard()
	m.transition(settling)
	return nil
}

// beat tells the coordinator that we are alive, and hears whether a rebalance has begun.
func (m *Member) beat(ctx context.Context) error {
	req := &sarama.HeartbeatRequest{
		Version: 4, GroupId: m.opts.Group, MemberId: m.id, GenerationId: m.generation, GroupInstanceId: m.instance(),
	}
	res, err := ask(ctx, m, m.heartbeatLimit(), (*sarama.Broker).Heartbeat, req)
	switch {
	case err != nil:
		return err
	case res.Err == sarama.ErrRebalanceInProgress:
		m.rebalancing = true
	case res.Err != sarama.ErrNoError:
		return fmt.Errorf("heartbeat: %w", m.explain(res.Err))
	}
	m.heard()
	return nil
}

// heard notes that the coordinator has answered as it should.
func (m *Member) heard() {
	m.pause.reset()
	m.nextBeat = m.clock.Now().Add(m.heartbeatInterval())
}

// look asks how many partitions our topics have, and says whether that has changed. The coordinator's own view does:
// the leader takes the most that any member has seen.
func (m *Member) look(ctx context.Context) (bool, error) {
	var topics []string
	for _, s := range m.said.Sets {
		topics = append(topics, s.Topics...)
	}
	req := sarama.NewMetadataRequest(m.client.conf.Version, topics)
	res, err := ask(ctx, m, m.client.opts.RequestTimeout, (*sarama.Broker).GetMetadata, req)
	if err != nil {
		return false, err
	}
	heard := make(map[string]*sarama.TopicMetadata, len(topics))
	for _, t := range res.Topics {
		heard[t.Name] = t
	}
	changed := false
	for _, s := range m.said.Sets {
		for i, name := range s.Topics {
			n := m.partitionsOf(name, heard[name], s.Partitions[i])
			changed = changed || n != s.Partitions[i]
			s.Partitions[i] = n
		}
	}
	m.nextLook = m.clock.Now().Add(m.opts.RefreshInterval)
	return changed, nil
}

// partitionsOf is the topic's partitions: none when it does not exist, as before when the broker cannot say.
func (m *Member) partitionsOf(name string, heard *sarama.TopicMetadata, before int32) int32 {
	if heard == nil {
		return before
	}
	switch heard.Err {
	case sarama.ErrNoError, sarama.ErrLeaderNotAvailable:
		return int32(len(heard.Partitions))
	case sarama.ErrUnknownTopicOrPartition:
		return 0
	default:
		m.log.Warn("kafka: cannot see a topic's partitions", "topic", name, "err", heard.Err)
		return before
	}
}

// outlasting is a context that ends finishLimit after ctx.
func (m *Member) outlasting(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-m.clock.After(finishLimit):
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

// sayLeave lets the others have our place at once.
func (m *Member) sayLeave() error {
	reason := "the process stops"
	req := &sarama.LeaveGroupRequest{
		Version: 5, GroupId: m.opts.Group, MemberId: m.id, // MemberId: for brokers before 2.4
		Members: []sarama.MemberIdentity{{MemberId: m.id, Reason: &reason}},
	}
	res, err := ask(context.Background(), m, m.heartbeatLimit(), (*sarama.Broker).LeaveGroup, req)
	if err != nil {
		return err
	}
	code := res.Err
	if len(res.Members) == 1 && code == sarama.ErrNoError {
		code = res.Members[0].Err
	}
	if code == sarama.ErrUnknownMemberId {
		return nil // it knows already
	}
	return classify(code)
}

func (m *Member) instance() *string {
	if m.opts.InstanceID == "" {
		return nil
	}
	return &m.opts.InstanceID
}

// joinLimit is how long an answer may take that depends on all members.
func (m *Member) joinLimit() time.Duration {
	return m.opts.RebalanceTimeout + m.client.opts.RequestTimeout
}

// ask sends req to the group's coordinator and waits for the answer, at most limit, finding the coordinator included.
func ask[Req, Res any](
	ctx context.Context, m *Member, limit time.Duration, send func(*sarama.Broker, Req) (Res, error), req Req,
) (Res, error) {
	var none Res
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := m.connect(within); err != nil {
		return none, err
	}
	res, err := call(within, m.conn, func(r Req) (Res, error) { return send(m.conn.Broker, r) }, req)
	if err != nil && ctx.Err() == nil && within.Err() != nil {
		return none, fmt.Errorf("coordinator %s did not answer within %v: %w", m.conn.node.addr, limit, ErrUnreachable)
	}
	if err != nil {
		return none, fmt.Errorf("coordinator %s: %w", m.conn.node.addr, err)
	}
	return res, nil
}

// connect finds the coordinator and opens a connection to it, of our own: JoinGroup blocks a connection for as long as
// a rebalance lasts.
func (m *Member) connect(ctx context.Context) error {
	if m.conn != nil && !m.conn.lost.Load() {
		return nil
	}
	m.disconnect()
	ctx, cancel := context.WithTimeout(ctx, m.client.opts.RequestTimeout)
	defer cancel()
	n, err := m.client.coordinatorNode(ctx, coordinatorKey{sarama.CoordinatorGroup, m.opts.Group})
	if err != nil {
		return err
	}
	m.conn = m.client.dial(n, func(conf *sarama.Config) { conf.Net.ReadTimeout = m.joinLimit() + shortestLimit })
	return nil
}

func (m *Member) disconnect() {
	if m.conn != nil {
		m.conn.close()
		m.conn = nil
	}
}
