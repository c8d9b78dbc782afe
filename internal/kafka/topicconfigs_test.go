// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

func TestLimitsThatAreTooLowAreRaised(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	c, ctx := openAt(t, k.Addrs()), within(t)
	name := kafkatest.Name(t, "rows")
	made := TopicSpec{Name: name, Partitions: 1, ReplicationFactor: -1, Configs: map[string]string{
		"cleanup.policy": "compact,delete", "delete.retention.ms": "1000", "retention.ms": "7200000", "retention.bytes": "-1",
	}}
	require.NoError(t, c.CreateTopics(ctx, []TopicSpec{made}))
	want := made
	want.AnyTime = true
	want.Configs = map[string]string{
		"cleanup.policy": "compact,delete", "delete.retention.ms": "604800000", "retention.ms": "3600000",
		"retention.bytes": "-1",
	}
	require.NoError(t, c.EnsureConfigs(ctx, []TopicSpec{want, {Name: name + "-no-settings"}}))
	var have map[string]settings
	require.Eventually(t, func() (done bool) { // brokers hear of it later than the controller
		var err error
		have, err = c.describeConfigs(ctx, []string{name}, limits...)
		require.NoError(t, err)
		return have[name]["delete.retention.ms"] == "604800000"
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "7200000", have[name]["retention.ms"], "more than is needed stays")
	require.Equal(t, "9223372036854775807", have[name][newestTime])
	require.Empty(t, have[name].below(want.settings()))
}

func TestCleanUpThatLosesRecordsIsRefused(t *testing.T) {
	t.Parallel()
	c, ctx := openAt(t, kafkatest.FakeCluster(t).ListenAddrs()), within(t)
	for _, test := range []struct{ have, want, says string }{
		{"delete", "compact", "deletes rows by their age or number"},
		{"compact,delete", "compact", "deletes rows by their age or number"},
		{"compact", "delete", "drops records of one key that are not read yet"},
		{"compact", "compact,delete", ""},
		{"compact,delete", "compact,delete", ""},
		{"delete", "compact,delete", ""},
	} {
		name := kafkatest.Name(t, "topic")
		spec := TopicSpec{Name: name, Partitions: 1, Configs: map[string]string{"cleanup.policy": test.have}}
		require.NoError(t, c.CreateTopics(ctx, []TopicSpec{spec}))
		spec.Configs = map[string]string{"cleanup.policy": test.want}
		err := c.EnsureConfigs(ctx, []TopicSpec{spec})
		if test.says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, name+" has cleanup.policy="+test.have+", which "+test.says)
		require.ErrorContains(t, err, "set it to "+test.want)
	}
}

func TestSettingsThatMayNotBeChangedAreReported(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t)
	var log bytes.Buffer
	c, err := Open(within(t), Options{
		Brokers: fake.ListenAddrs(), Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	spec := TopicSpec{Name: "rows", Partitions: 1, Configs: map[string]string{"delete.retention.ms": "1000"}}
	require.NoError(t, c.CreateTopics(within(t), []TopicSpec{spec}))
	spec.Configs["delete.retention.ms"] = "5000"

	refuse := func(key kmsg.Key) {
		fake.ControlKey(int16(key), func(asked kmsg.Request) (kmsg.Response, error, bool) {
			switch res := asked.ResponseKind().(type) {
			case *kmsg.DescribeConfigsResponse:
				one := kmsg.NewDescribeConfigsResponseResource()
				one.ResourceName, one.ErrorCode = "rows", kerr.TopicAuthorizationFailed.Code
				res.Resources = append(res.Resources, one)
				return res, nil, true
			case *kmsg.IncrementalAlterConfigsResponse:
				one := kmsg.NewIncrementalAlterConfigsResponseResource()
				one.ResourceName, one.ErrorCode = "rows", kerr.TopicAuthorizationFailed.Code
				res.Resources = append(res.Resources, one)
				return res, nil, true
			}
			return nil, nil, false
		})
	}
	refuse(kmsg.IncrementalAlterConfigs)
	require.NoError(t, c.EnsureConfigs(within(t), []TopicSpec{spec}))
	require.Contains(t, log.String(), "settings of internal topics are too low")
	require.Contains(t, log.String(), "delete.retention.ms:5000")
	refuse(kmsg.DescribeConfigs)
	require.NoError(t, c.EnsureConfigs(within(t), []TopicSpec{spec}))
	require.Contains(t, log.String(), "may not be seen")
}
