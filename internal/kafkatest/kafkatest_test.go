// SPDX-License-Identifier: Apache-2.0

package kafkatest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

const patience = 60 * time.Second // until a client gives up; no test waits that long when all is well

func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }

func TestABrokerKeepsWhatItTookAcrossKillAndStop(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Start(t, kafkatest.Options{})
	topic := kafka.CreateTopic(t, "payments", 2, nil)
	produce(t, kafka.Addrs(), topic, 0, 10)
	requireValues(t, kafka.Addrs(), topic, 10)

	addrs := kafka.Addrs()
	require.NoError(t, kafka.Kill(0))
	require.NoError(t, kafka.Kill(0), "a dead broker is fine")
	require.NoError(t, kafka.Restart(0))
	require.Equal(t, addrs, kafka.Addrs())
	requireValues(t, addrs, topic, 10)
	produce(t, addrs, topic, 10, 20)

	require.NoError(t, kafka.Stop(0))
	require.NoError(t, kafka.Restart(0))
	requireValues(t, addrs, topic, 20)
}

func TestThreeBrokersSurviveTheLossOfOne(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Start(t, kafkatest.Options{Brokers: 3})
	require.Len(t, kafka.Addrs(), 3)
	topic := kafka.CreateTopic(t, "payments", 6, nil)
	produce(t, kafka.Addrs(), topic, 0, 100)
	require.NoError(t, kafka.Kill(1))
	produce(t, kafka.Addrs(), topic, 100, 200)
	requireValues(t, kafka.Addrs(), topic, 200)
	require.NoError(t, kafka.Restart(1))
	requireValues(t, kafka.Addrs()[1:2], topic, 200)
}

func TestTestsShareABrokerByTheNamesTheyTake(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Shared(t)
	require.Same(t, kafka, kafkatest.Shared(t))
	one := kafka.CreateTopic(t, "payments", 1, map[string]string{"cleanup.policy": "compact"})
	two := kafka.CreateTopic(t, "payments", 1, nil)
	require.NotEqual(t, one, two)
	produce(t, kafka.Addrs(), one, 0, 3)
	requireValues(t, kafka.Addrs(), one, 3)
}

func TestATopicThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Shared(t)
	topic := kafkatest.Topic{Name: kafkatest.Name(t, "payments"), Partitions: 1}
	require.NoError(t, kafka.MakeTopic(t.Context(), topic))
	err := kafka.MakeTopic(t.Context(), topic)
	require.ErrorContains(t, err, topic.Name)
	require.ErrorContains(t, err, "already exists")
}

func TestEventTimesOfAnyAgeAreTaken(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Shared(t)
	topic := kafka.CreateTopic(t, "payments", 1, nil)
	c := client(t, kafka.Addrs())
	for _, year := range []int{1971, 2200} {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		require.NoError(t, c.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Timestamp: at}).FirstErr())
	}
}

func TestUsersAndTLS(t *testing.T) {
	t.Parallel()
	users := map[string]string{"alice": "s3cret", "bob": "hunter2"}
	kafka := kafkatest.Start(t, kafkatest.Options{Users: users, TLS: true})
	topic := kafka.CreateTopic(t, "payments", 1, nil)
	produce(t, kafka.TLSAddrs(), topic, 0, 1, kgo.DialTLSConfig(kafka.TLS()))
	requireValues(t, kafka.TLSAddrs(), topic, 1, kgo.DialTLSConfig(kafka.TLS()))
	token := kafkatest.UnsecuredToken("alice", time.Now(), time.Hour)
	for name, mechanism := range map[string]sasl.Mechanism{
		"PLAIN":         plain.Auth{User: "alice", Pass: "s3cret"}.AsMechanism(),
		"SCRAM-SHA-256": scram.Auth{User: "bob", Pass: "hunter2"}.AsSha256Mechanism(),
		"SCRAM-SHA-512": scram.Auth{User: "alice", Pass: "s3cret"}.AsSha512Mechanism(),
		"OAUTHBEARER":   oauth.Auth{Token: token}.AsMechanism(),
	} {
		t.Run(name, func(t *testing.T) { requireValues(t, kafka.SASLAddrs(), topic, 1, kgo.SASL(mechanism)) })
	}
	t.Run("wrong password", func(t *testing.T) {
		c := client(t, kafka.SASLAddrs(), kgo.SASL(plain.Auth{User: "alice", Pass: "guess"}.AsMechanism()))
		require.ErrorContains(t, c.Ping(t.Context()), "SASL")
	})
}

func TestABrokerThatCannotStartShowsItsLog(t *testing.T) {
	t.Parallel()
	kafkatest.Shared(t) // skips where there is no Kafka
	_, err := kafkatest.Launch(t.Context(), kafkatest.Options{Properties: map[string]string{"num.io.threads": "none"}})
	require.ErrorContains(t, err, "num.io.threads")
	_, err = kafkatest.Launch(t.Context(), kafkatest.Options{Brokers: 2})
	require.ErrorContains(t, err, "1 or 3")
	taken := listen(t)
	_, err = kafkatest.Launch(t.Context(), kafkatest.Options{Port: taken})
	require.ErrorContains(t, err, fmt.Sprintf("port %d is in use", taken))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = kafkatest.Launch(ctx, kafkatest.Options{})
	require.Error(t, err)
}

func TestCloseRemovesEverything(t *testing.T) {
	t.Parallel()
	kafkatest.Shared(t) // skips where there is no Kafka
	kafka, err := kafkatest.Launch(t.Context(), kafkatest.Options{})
	require.NoError(t, err)
	require.Contains(t, kafka.Logs(), "Kafka Server started")
	require.DirExists(t, kafka.Dir())
	require.NoError(t, kafka.Close())
	require.NoError(t, kafka.Close())
	require.NoDirExists(t, kafka.Dir())
	require.Error(t, client(t, kafka.Addrs(), kgo.RequestRetries(0)).Ping(t.Context()))
}

func TestFakeIsACluster(t *testing.T) {
	t.Parallel()
	addrs := kafkatest.Fake(t, kfake.NumBrokers(3), kfake.SeedTopics(2, "payments"))
	require.Len(t, addrs, 3)
	produce(t, addrs, "payments", 0, 10)
	requireValues(t, addrs, "payments", 10)
}

func listen(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func client(t *testing.T, addrs []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addrs...)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// produce sends the numbers from first to before end, in any partition.
func produce(t *testing.T, addrs []string, topic string, first, end int, opts ...kgo.Opt) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := client(t, addrs, opts...)
	var records []*kgo.Record
	for i := first; i < end; i++ {
		value := []byte(strconv.Itoa(i))
		records = append(records, &kgo.Record{Topic: topic, Key: value, Value: value}) // a compacted topic wants a key
	}
	require.NoError(t, c.ProduceSync(ctx, records...).FirstErr())
}

// requireValues reads the topic from its beginning until it has seen every number below n, each once.
func requireValues(t *testing.T, addrs []string, topic string, n int, opts ...kgo.Opt) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := client(t, addrs, append([]kgo.Opt{kgo.ConsumeTopics(topic)}, opts...)...)
	seen := make(map[string]bool)
	for len(seen) < n {
		fetches := c.PollFetches(ctx)
		if errs := fetches.Errors(); len(errs) > 0 {
			require.NoError(t, errors.Join(errs[0].Err, fmt.Errorf("saw %d of %d", len(seen), n)))
		}
		for _, r := range fetches.Records() {
			require.False(t, seen[string(r.Value)], "%s twice", r.Value)
			seen[string(r.Value)] = true
		}
	}
}
