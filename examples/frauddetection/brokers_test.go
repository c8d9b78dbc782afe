// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// programEnv makes this test binary the program, with its flags.
const programEnv = "IRMAK_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		main()
	}
	os.Exit(kafkatest.Main(m))
}

// ends are the ends of a topic's partitions: for readers at read committed, or of all that was written.
func ends(t *testing.T, cl *kgo.Client, topic string, readCommitted bool) map[int32]int64 {
	t.Helper()
	const latest = -1
	req := kmsg.NewPtrListOffsetsRequest()
	if readCommitted {
		req.IsolationLevel = 1
	}
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	for p := range int32(partitions) {
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp = p, latest
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	out := map[int32]int64{}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			require.NoError(t, kerr.ErrorForCode(p.ErrorCode), "%s/%d", topic.Topic, p.Partition)
			out[p.Partition] = p.Offset
		}
	}
	return out
}

// committedAlerts are all alerts that a reader at read committed sees, once nothing is left undecided.
func committedAlerts(t *testing.T, brokers string) verdicts {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumeTopics(alertsTopic), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.NoError(t, err)
	defer cl.Close()
	left := ends(t, cl, alertsTopic, false)
	for p, end := range left {
		if end == 0 {
			delete(left, p)
		}
	}
	out := verdicts{}
	for len(left) > 0 {
		fetches := cl.PollFetches(t.Context())
		require.NoError(t, fetches.Err())
		for r := range fetches.RecordsAll() {
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
			if r.Attrs.IsControl() {
				continue
			}
			var a Alert
			require.NoError(t, json.Unmarshal(r.Value, &a))
			require.Equal(t, a.Payment.Card, string(r.Key))
			out.add(a)
		}
	}
	return out
}

var rolledForward = regexp.MustCompile(`msg="state rolled forward" store=(\S+) partition=(\d+) from=(\d+) to=(\d+)`)

// rolledFrom is the highest position in a changelog from which a log says that state was rolled forward.
func rolledFrom(log string) int64 {
	highest := int64(-1)
	for _, m := range rolledForward.FindAllStringSubmatch(log, -1) {
		from, _ := strconv.ParseInt(m[3], 10, 64) // digits
		highest = max(highest, from)
	}
	return highest
}
