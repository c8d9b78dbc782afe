// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

func TestOpenSaysWhatToCheck(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := closed.Addr().String()
	require.NoError(t, closed.Close())

	_, err = Open(within(t), Options{})
	require.ErrorContains(t, err, "set Brokers")
	_, err = Open(within(t), Options{Brokers: []string{addr, "no.such.host.invalid:9092"}})
	require.ErrorIs(t, err, ErrUnreachable)
	for _, s := range []string{addr, "no.such.host.invalid:9092", "refused", "check the addresses", "TLS or SASL"} {
		require.ErrorContains(t, err, s)
	}
	for mechanism, says := range map[string]string{
		"": "use PLAIN", "NTLM": "use PLAIN", "PLAIN": "set User and Password", "OAUTHBEARER": "set Token",
	} {
		_, err = Open(within(t), Options{Brokers: []string{addr}, SASL: &SASL{Mechanism: mechanism}})
		require.ErrorIs(t, err, ErrAuth)
		require.ErrorContains(t, err, says)
	}
}

// Who answers "not yet" was reached: nobody has to check addresses.
func TestAnAnswerIsNotUnreachable(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t, kfake.NumBrokers(1))
	c := openAt(t, fake.ListenAddrs())
	fake.ControlKey(int16(kmsg.FindCoordinator), func(asked kmsg.Request) (kmsg.Response, error, bool) {
		res := asked.ResponseKind().(*kmsg.FindCoordinatorResponse)
		res.ErrorCode = kerr.CoordinatorNotAvailable.Code
		return res, nil, true
	})
	_, err := c.coordinatorNode(within(t), coordinatorKey{id: "app", kind: sarama.CoordinatorGroup})
	require.ErrorIs(t, err, sarama.ErrConsumerCoordinatorNotAvailable)
	require.NotErrorIs(t, err, ErrUnreachable)
	require.True(t, Passing(err))
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = Open(ctx, Options{Brokers: []string{silent.Addr().String()}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	k := kafkatest.Start(t, kafkatest.Options{Users: map[string]string{"alice": "secret"}, TLS: true})
	token := func(context.Context) (string, error) {
		return kafkatest.UnsecuredToken("alice", clock.System.Now(), time.Hour), nil
	}
	for _, test := range []struct {
		sasl SASL
		is   error
	}{
		{SASL{Mechanism: "PLAIN", User: "alice", Password: "secret"}, nil},
		{SASL{Mechanism: "PLAIN", User: "alice", Password: "wrong"}, ErrAuth},
		{SASL{Mechanism: "SCRAM-SHA-256", User: "alice", Password: "secret"}, nil},
		{SASL{Mechanism: "SCRAM-SHA-256", User: "alice", Password: "wrong"}, ErrAuth},
		{SASL{Mechanism: "SCRAM-SHA-512", User: "alice", Password: "secret"}, nil},
		{SASL{Mechanism: "SCRAM-SHA-512", User: "nobody", Password: "secret"}, ErrAuth},
		{SASL{Mechanism: "OAUTHBEARER", Token: token}, nil},
		{SASL{Mechanism: "OAUTHBEARER", Token: func(context.Context) (string, error) { return "junk", nil }}, ErrAuth},
		{SASL{Mechanism: "OAUTHBEARER", Token: func(context.Context) (string, error) {
			return "", errors.New("issuer away")
		}}, errToken},
	} {
		c, err := Open(within(t), Options{Brokers: k.SASLAddrs(), SASL: &test.sasl})
		require.ErrorIs(t, err, test.is, "%s %s", test.sasl.Mechanism, test.sasl.User)
		if err == nil {
			_, err = c.Partitions(within(t), "none")
			require.ErrorIs(t, err, ErrTopicMissing)
			require.NoError(t, c.Close())
		}
	}

	_, err := Open(within(t), Options{Brokers: k.SASLAddrs()})
	require.ErrorIs(t, err, ErrUnreachable, "SASL is wanted")
	_, err = Open(within(t), Options{Brokers: k.TLSAddrs()})
	require.ErrorIs(t, err, ErrUnreachable, "TLS is wanted")
	_, err = Open(within(t), Options{Brokers: k.Addrs(), TLS: k.TLS()})
	require.ErrorIs(t, err, ErrUnreachable, "TLS is not wanted")

	p := Partition{k.CreateTopic(t, "in", 1, nil), 0}
	write(t, kgoAt(t, k.Addrs()), p, 0, 3)
	c := openAt(t, k.TLSAddrs(), func(o *Options) { o.TLS = k.TLS() })
	require.Equal(t, counting(0, 3), addTo(fetchWith(t, c, FetchOptions{}), p, 0).values(t, 3))
}

func TestRefreshKeepsTheNewestLeaderOfTheSameTopic(t *testing.T) {
	t.Parallel()
	hear := func(id byte, leader, epoch int32) *sarama.TopicMetadata {
		return &sarama.TopicMetadata{Uuid: sarama.Uuid{id}, Partitions: []*sarama.PartitionMetadata{
			{ID: 0, Leader: leader, LeaderEpoch: epoch},
		}}
	}
	heard := topic{}.after(hear(1, 10, 5))
	require.Equal(t, []leadership{{node: 10, epoch: 5}}, heard.leaders)
	heard = heard.after(hear(1, 11, 4)) // a broker that lags behind
	require.Equal(t, []leadership{{node: 10, epoch: 5}}, heard.leaders)
	heard = heard.after(hear(1, 12, 6))
	require.Equal(t, []leadership{{node: 12, epoch: 6}}, heard.leaders)
	heard = heard.after(hear(2, 13, 0)) // created again
	require.Equal(t, []leadership{{node: 13, epoch: 0}}, heard.leaders)
	heard = heard.after(hear(2, -1, 1))
	require.ErrorIs(t, heard.leaders[0].err, sarama.ErrLeaderNotAvailable)
	heard = heard.after(&sarama.TopicMetadata{Err: sarama.ErrUnknownTopicOrPartition})
	require.ErrorIs(t, heard.err, ErrTopicMissing)
}

func TestRetryPausesGrowAndEnd(t *testing.T) {
	t.Parallel()
	manual := clock.NewManual(time.UnixMilli(0))
	c := openAt(t, kafkatest.Fake(t), func(o *Options) {
		o.Clock, o.RetryBackoff, o.RetryBackoffMax, o.RetryTimeout = manual, 10*time.Second, 40*time.Second, time.Minute
	})
	attempts := make(chan time.Duration)
	done := make(chan error)
	go func() {
		done <- c.retry(t.Context(), "try", func(context.Context) error {
			attempts <- manual.Now().Sub(time.UnixMilli(0))
			return sarama.ErrNotController
		})
	}()
	require.Zero(t, <-attempts)
	for n := 2; ; n++ {
		select {
		case <-attempts:
			continue
		case err := <-done:
			require.ErrorIs(t, err, sarama.ErrNotController)
			require.ErrorContains(t, err, "gave up after")
			require.GreaterOrEqual(t, manual.Now(), time.UnixMilli(60_000))
			return
		default:
			manual.Advance(time.Second)
		}
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t, kfake.SeedTopics(1, "in"))
	c := openAt(t, fake.ListenAddrs())
	arrived, ctx := make(chan struct{}), t.Context()
	fake.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.SleepControl(func() {
			close(arrived)
			<-ctx.Done()
		})
		return nil, nil, false
	})
	asking, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := c.LatestOffset(asking, Partition{"in", 0})
	require.ErrorIs(t, err, context.Canceled)
	n, err := c.Partitions(within(t), "in") // on a new connection
	require.NoError(t, err)
	require.Equal(t, int32(1), n)
}

func TestClosedClientRefuses(t *testing.T) {
	t.Parallel()
	c := openAt(t, kafkatest.Fake(t, kfake.SeedTopics(1, "in")))
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	_, err := c.Partitions(within(t), "in")
	require.ErrorIs(t, err, ErrClosed)
}
