// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }

// TestRunOnARealBroker counts words by two keys, through a repartition topic, and stops.
func TestRunOnARealBroker(t *testing.T) {
	t.Parallel()
	c := kafkatest.Shared(t)
	in := stream.Topic[string, string]{Name: c.CreateTopic(t, "words", 4, nil), Key: codec.String, Value: codec.String}
	out := stream.Topic[string, int64]{Name: c.CreateTopic(t, "counts", 2, nil), Key: codec.String, Value: codec.Int64}
	topo := stream.New(kafkatest.Name(t, "count"))
	byWord := operators.KeyBy("by-word", stream.From(topo, in), codec.String, func(v string) string { return v })
	stream.To(operators.ToStream(operators.Aggregate("counts", byWord, operators.Count[string]())), out)

	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.ConsumeTopics(out.Name),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer client.Close()
	const n, words = 10_000, 100
	for i := range n {
		r := kgo.Record{Topic: in.Name, Key: fmt.Append(nil, i), Value: fmt.Appendf(nil, "w%d", i%words)}
		client.Produce(t.Context(), &r, nil)
	}
	require.NoError(t, client.Flush(t.Context()))

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- stream.Run(ctx, topo, stream.Config{
			Brokers: c.Addrs(), StateDir: t.TempDir(), Workers: 2,
			Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		})
	}()
	counts := map[string]int64{}
	read := 0
	deadline, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for read < n {
		fetches := client.PollFetches(deadline)
		require.NoError(t, deadline.Err(), "%d of %d results", read, n)
		fetches.EachRecord(func(r *kgo.Record) {
			v, err := codec.Int64.Decode(r.Value)
			require.NoError(t, err)
			require.Equal(t, counts[string(r.Key)]+1, v)
			counts[string(r.Key)] = v
			read++
		})
	}
	stop()
	require.NoError(t, <-ended)
	for w, got := range counts {
		require.EqualValues(t, n/words, got, w)
	}
}
