// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

func TestRulesOfATopic(t *testing.T) {
	t.Parallel()
	require.Nil(t, rulesOf(nil))
	require.Nil(t, rulesOf(settings{"cleanup.policy": "delete", "message.timestamp.after.max.ms": "9223372036854775807"}))
	require.Nil(t, rulesOf(settings{"message.timestamp.type": "LogAppendTime", "message.timestamp.before.max.ms": "5"}))
	require.True(t, rulesOf(settings{"cleanup.policy": "compact,delete"}).keyed)
	now := time.UnixMilli(1000)
	for _, test := range []struct {
		have           settings
		oldest, newest int64
	}{
		{settings{"message.timestamp.before.max.ms": "10"}, 990, maxTime},
		{settings{"message.timestamp.after.max.ms": "10"}, 0, 1010},
		{settings{"message.timestamp.difference.max.ms": "10"}, 990, 1010}, // before Kafka 3.6
		{settings{"message.timestamp.before.max.ms": "2000"}, 0, maxTime},
	} {
		oldest, newest := rulesOf(test.have).span(now)
		require.Equal(t, test.oldest, oldest, test.have)
		require.Equal(t, test.newest, newest, test.have)
	}
}

// What a topic does not allow is refused before it is sent: the records beside it are none the worse.
func TestARecordThatTheTopicDoesNotAllow(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	c, ctx := openAt(t, k.Addrs()), within(t)
	topic := k.CreateTopic(t, "strict", 1, map[string]string{
		"cleanup.policy":                  "compact",
		"message.timestamp.before.max.ms": "3600000", "message.timestamp.after.max.ms": "3600000",
	})
	require.NoError(t, c.LearnRules(ctx, topic))
	require.NoError(t, c.LearnRules(ctx, topic), "known")
	p, err := NewProducer(ctx, c, ProducerOptions{})
	require.NoError(t, err)
	defer func() { p.Close() }()
	to, now := p.Target(topic, 0), clock.System.Now().UnixMilli()
	require.NoError(t, to.Send([]byte("k"), nil, now, nil))
	for _, at := range []int64{0, now - 2*time.Hour.Milliseconds(), now + 2*time.Hour.Milliseconds()} {
		require.ErrorIs(t, to.Send([]byte("k"), nil, at, nil), ErrRefused)
	}
	require.ErrorIs(t, to.Send(nil, []byte("v"), now, nil), ErrRefused)
	require.ErrorContains(t, to.Send([]byte("k"), nil, maxTime+1, nil), "Kafka's times")
	require.NoError(t, to.Send([]byte("l"), nil, now+time.Minute.Milliseconds(), nil))
	require.NoError(t, p.Flush(ctx))
	require.Equal(t, []Run{{0, 2}}, to.Acked())
}
