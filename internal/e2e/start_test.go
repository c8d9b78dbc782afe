// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// passing passes in to out.
func passing(name, in, out string) *stream.Topology {
	topo := stream.New(name)
	stream.To(operators.Map(stream.From(topo, text(in)), func(v string) string { return v }), text(out))
	return topo
}

// counting counts in by key.
func counting(name, in, out string) *stream.Topology {
	topo := stream.New(name)
	table := operators.Aggregate("counts", stream.From(topo, text(in)), operators.Count[string]())
	stream.To(operators.ToStream(table), counts(out))
	return topo
}

func TestBrokersThatCannotBeReachedAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	a := start(t, passing("nowhere", "in", "out"), stream.Config{Brokers: []string{addr, "localhost:1"}})
	select {
	case <-a.ended:
	case <-time.After(impatience):
		t.Fatal("a refused connection is no reason to wait")
	}
	requireText(t, a.err, addr, "localhost:1", "no broker can be reached", "check the addresses")
}

// TestABrokerThatIsSilent takes connections and does not answer: the address of something else.
func TestABrokerThatIsSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	a := start(t, passing("nowhere", "in", "out"), stream.Config{Brokers: []string{l.Addr().String()}})
	select {
	case <-a.ended:
	case <-time.After(impatience):
		t.Fatal("nobody waits so long for a first answer")
	}
	requireText(t, a.err, l.Addr().String(), "no broker can be reached", "no answer within", "check the addresses")
}

// TestAStopWhileItStarts is no failure.
func TestAStopWhileItStarts(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	a := start(t, passing("nowhere", "in", "out"), stream.Config{Brokers: []string{l.Addr().String()}})
	conn, err := l.Accept()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, a.end())
}

func TestAllMissingTopicsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	there := c.CreateTopic(t, "there", 1, nil)
	topo := stream.New(kafkatest.Name(t, "missing"))
	in := stream.From(topo, text(there))
	table := stream.TableFrom(topo, text(there+"-no-table"))
	stream.To(operators.JoinTable(in, table, func(a, _ string) string { return a }), text(there+"-no-out"))
	err := start(t, topo, stream.Config{Brokers: s.addrs}).wait()
	requireText(t, err, there+"-no-table", there+"-no-out", "does not exist", "start_test.go:", "create it")
	require.NotContains(t, err.Error(), `"`+there+`"`)
}

func TestInputsThatAreNotPartitionedAlike(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	left, right := c.CreateTopic(t, "left", 2, nil), c.CreateTopic(t, "right", 3, nil)
	out := c.CreateTopic(t, "out", 1, nil)
	topo := stream.New(kafkatest.Name(t, "uneven"))
	join := operators.JoinTable(stream.From(topo, text(left)), stream.TableFrom(topo, text(right)),
		func(a, _ string) string { return a })
	stream.To(join, text(out))
	err := start(t, topo, stream.Config{Brokers: s.addrs}).wait()
	requireText(t, err, left, "2", right, "3", "same number of partitions", "KeyBy", "start_test.go:")
}

func TestKeysThatAreEncodedDifferently(t *testing.T) {
	t.Parallel()
	topo := stream.New("codecs")
	other := stream.Topic[string, string]{Name: "t", Key: codec.JSON[string](), Value: codec.String}
	table := stream.TableFrom(topo, other)
	stream.To(operators.JoinTable(stream.From(topo, text("s")), table, func(a, _ string) string { return a }), text("out"))
	err := start(t, topo, stream.Config{Brokers: []string{"localhost:1"}}).wait()
	requireText(t, err, `"s"`, `"t"`, "codec", "start_test.go:")
}

func TestAnInternalTopicWithAnotherPartitionCount(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 2, nil), c.CreateTopic(t, "out", 2, nil)
	name := kafkatest.Name(t, "app")
	require.NoError(t, c.MakeTopic(bounded(t), kafkatest.Topic{Name: name + "-counts-changelog", Partitions: 3}))
	err := start(t, counting(name, in, out), stream.Config{Brokers: s.addrs}).wait()
	requireText(t, err, name+"-counts-changelog has 3 partitions but 2 are needed", "delete the topic")
}

func TestMistakesInConfigAreAllNamed(t *testing.T) {
	t.Parallel()
	err := start(t, passing("mistakes", "in", "out"), stream.Config{
		Workers: -1, Memory: 1, CommitInterval: time.Millisecond, CheckpointInterval: time.Microsecond,
		TransactionTimeout: time.Millisecond, StopTimeout: -1, MaxTaskIdle: -1, SessionTimeout: -1, RebalanceTimeout: -1,
		PurgeInterval: -1, Compression: "rar", ReplicationFactor: -2, OffsetReset: 9, SASL: &stream.SASL{Mechanism: "GSSAPI"},
		Errors: stream.Policies{
			Decode: stream.Policy{Action: 9}, Process: stream.Policy{Retries: -1}, Produce: stream.Policy{Backoff: -1},
		},
	}).wait()
	requireText(t, err, "topology mistakes", "Brokers", "Workers", "Memory", "CommitInterval", "CheckpointInterval",
		"PurgeInterval", "TransactionTimeout", "StopTimeout", "MaxTaskIdle", "SessionTimeout", "RebalanceTimeout",
		"Compression", "gzip", "ReplicationFactor", "OffsetReset", "SASL", "SCRAM-SHA-256",
		"Errors.Decode", "Errors.Process", "Errors.Produce")
	err = start(t, passing("mistakes", "in", "out"), stream.Config{Guarantee: 7, Brokers: []string{"localhost:1"}}).wait()
	requireText(t, err, "Guarantee is 7", "ExactlyOnce")
}

// TestTopicsThatAreCreated have the settings without which something would be lost one day.
func TestTopicsThatAreCreated(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 3, nil), c.CreateTopic(t, "out", 1, nil)
	topo := stream.New(kafkatest.Name(t, "app"))
	byValue := operators.KeyBy("by-value", stream.From(topo, text(in)), codec.String, func(v string) string { return v })
	stream.To(operators.ToStream(operators.Aggregate("counts", byValue, operators.Count[string]())), counts(out))
	config := stream.Config{Brokers: s.addrs}
	config.Errors.Decode.Action = stream.DeadLetter
	a := start(t, topo, config)
	a.await("it has begun", func() bool { return len(a.log.lines("started")) > 0 })
	repartition, changelog := topo.Name()+"-by-value-repartition", topo.Name()+"-counts-changelog"
	require.EqualValues(t, 3, s.partitions(repartition))
	require.EqualValues(t, 3, s.partitions(changelog))
	require.EqualValues(t, 1, s.partitions(topo.Name()+"-dead-letters"))
	settings := s.settings(repartition)
	require.Equal(t, "delete", settings["cleanup.policy"])
	require.Equal(t, "-1", settings["retention.ms"], "whatever the event times are")
	require.Equal(t, "9223372036854775807", settings["message.timestamp.after.max.ms"])
	require.Equal(t, "compact", s.settings(changelog)["cleanup.policy"])
	require.NoError(t, a.end())
}

// TestAVersionedTableOfACompactedTopic: the versions that are gone cannot be missed, so whoever starts the program is
// told.
func TestAVersionedTableOfACompactedTopic(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, plain := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "plain", 1, nil)
	compacted := c.CreateTopic(t, "compacted", 1, map[string]string{"cleanup.policy": "compact"})
	lagging := c.CreateTopic(t, "lagging", 1, map[string]string{
		"cleanup.policy": "compact,delete", "min.compaction.lag.ms": "3600000",
	})
	topo := stream.New(kafkatest.Name(t, "app"))
	joined := stream.From(topo, text(in))
	for _, topic := range []string{plain, compacted, lagging} {
		table := stream.VersionedTableFrom(topo, text(topic), time.Hour)
		joined = operators.JoinTable(joined, table, func(v, _ string) string { return v })
	}
	operators.Peek(joined, func(*stream.Record[string, string]) {})
	a := start(t, topo, stream.Config{Brokers: s.addrs})
	a.await("it has begun", func() bool { return len(a.log.lines("started")) > 0 })
	warned := a.log.lines("WARN", "compacted", "history=3600000")
	require.Len(t, warned, 1)
	require.Contains(t, warned[0], "topic="+compacted)
	require.NoError(t, a.end())
}

// settings are those that were made for the topic itself.
func (s *site) settings(topic string) map[string]string {
	s.t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	req.Resources = append(req.Resources, resource)
	found := map[string]string{}
	for _, shard := range s.client.RequestSharded(bounded(s.t), req) {
		require.NoError(s.t, shard.Err)
		for _, r := range shard.Resp.(*kmsg.DescribeConfigsResponse).Resources {
			for _, c := range r.Configs {
				if c.Source == kmsg.ConfigSourceDynamicTopicConfig && c.Value != nil {
					found[c.Name] = *c.Value
				}
			}
		}
	}
	return found
}
