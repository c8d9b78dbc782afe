// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/examples/internal/runtest"
)

func TestMain(m *testing.M) { os.Exit(runtest.Main(m, program())) }

// request asks the brokers until they answer without an error.
func request[R any](t *testing.T, ask func() (R, error)) R {
	t.Helper()
	for limit := time.After(runtest.Patience); ; {
		answer, err := ask()
		if err == nil {
			return answer
		}
		select {
		case <-limit:
			require.NoError(t, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
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
	return request(t, func() (map[int32]int64, error) {
		resp, err := req.RequestWith(t.Context(), cl)
		if err != nil {
			return nil, err
		}
		out := map[int32]int64{}
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
				out[p.Partition] = p.Offset
			}
		}
		return out, err
	})
}

// committedAlerts are all alerts that a reader at read committed sees, once nothing is left undecided.
func committedAlerts(t *testing.T, brokers []string) verdicts {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(alertsTopic), kgo.KeepControlRecords(),
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

// rolledFrom gives the positions in the changelogs from which a log says that state was rolled forward, by store and
// partition; the first that it tells of each.
func rolledFrom(log string) map[string]int64 {
	found := map[string]int64{}
	for _, m := range rolledForward.FindAllStringSubmatch(log, -1) {
		store := m[1] + "/" + m[2]
		if _, again := found[store]; !again {
			found[store], _ = strconv.ParseInt(m[3], 10, 64) // digits
		}
	}
	return found
}

// foundState says whether a log tells of a store that was not built anew.
func foundState(log string) bool {
	for _, from := range rolledFrom(log) {
		if from > 0 {
			return true
		}
	}
	return false
}

// groupOffsets is the sum of the offsets in the payments that the program has committed.
func groupOffsets(t *testing.T, cl *kgo.Client) int64 {
	t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	rg := kmsg.NewOffsetFetchRequestGroup()
	rg.Group = application
	rt := kmsg.NewOffsetFetchRequestGroupTopic()
	rt.Topic = paymentsTopic
	for p := range int32(partitions) {
		rt.Partitions = append(rt.Partitions, p)
	}
	rg.Topics = append(rg.Topics, rt)
	req.Groups = append(req.Groups, rg)
	return request(t, func() (sum int64, err error) {
		resp, err := req.RequestWith(t.Context(), cl)
		if err != nil {
			return 0, err
		}
		for _, g := range resp.Groups {
			err = errors.Join(err, kerr.ErrorForCode(g.ErrorCode))
			for _, topic := range g.Topics {
				for _, p := range topic.Partitions {
					err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
					sum += max(p.Offset, 0) // -1: none
				}
			}
		}
		return sum, err
	})
}
