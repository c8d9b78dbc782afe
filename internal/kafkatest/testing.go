// SPDX-License-Identifier: Apache-2.0

package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// RequireEnv names the variable that, set to 1, makes a machine that cannot run Kafka a failure instead of a reason to
// skip. CI sets it: there a skipped test would be a lie.
const RequireEnv = "IRMAK_REQUIRE_KAFKA"

// Start is a cluster of the test's own; it ends with the test. Without a JDK, or without Maven and a Kafka in the
// cache, the test is skipped with the reason (but see RequireEnv), and with -short it is skipped always. When the test
// fails, the end of each broker's log is part of its output.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Kafka, which -short leaves out")
	}
	c, err := Launch(context.Background(), opts)
	if err != nil {
		unavailable(t, err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Logs())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// shared is the test binary's one broker, which Main ends.
var shared struct {
	main    atomic.Bool
	once    sync.Once
	cluster *Cluster
	err     error
}

// Shared is one single-broker cluster for all tests of a binary, whose TestMain must be `os.Exit(kafkatest.Main(m))`.
// It starts when the first test asks. Tests share it, so they take topic names, group names and transactional ids from
// Name, and leave Stop, Kill and Restart alone. It skips as Start does.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Kafka, which -short leaves out")
	}
	if !shared.main.Load() {
		t.Fatal("kafkatest.Shared needs this in the package's tests:\n" +
			"func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }")
	}
	shared.once.Do(func() { shared.cluster, shared.err = Launch(context.Background(), Options{}) })
	if shared.err != nil {
		unavailable(t, shared.err)
	}
	return shared.cluster
}

// Main runs a package's tests and ends the broker that they shared. It gives the code to exit with.
func Main(m *testing.M) int {
	shared.main.Store(true)
	code := m.Run()
	if shared.cluster == nil {
		return code
	}
	if code != 0 {
		fmt.Fprint(os.Stderr, shared.cluster.Logs())
	}
	if err := shared.cluster.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// unavailable ends a test whose cluster did not start: it skips when the machine cannot run Kafka at all and may.
func unavailable(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) && os.Getenv(RequireEnv) != "1" {
		t.Skip(err)
	}
	t.Fatal(err)
}

var names atomic.Int64

// Name makes a name for a topic, a group or an application that no other test of this run has; prefix makes it
// readable.
func Name(t testing.TB, prefix string) string {
	legal := func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}
	const longest = 100 // a topic's name has at most 249 bytes, and others append to ours
	test := strings.Map(legal, t.Name())
	return fmt.Sprintf("%s-%s-%d", prefix, test[:min(len(test), longest)], names.Add(1))
}

// CreateTopic makes a topic with a name of its own that begins with prefix, and returns the name. configs may be nil.
func (c *Cluster) CreateTopic(t testing.TB, prefix string, partitions int32, configs map[string]string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readyTimeout)
	defer cancel()
	name := Name(t, prefix)
	if err := c.MakeTopic(ctx, Topic{Name: name, Partitions: partitions, Configs: configs}); err != nil {
		t.Fatal(err)
	}
	return name
}

// Fake is franz-go's imitation of a Kafka, in this process, for the time of the test: its addresses. The package's own
// documentation says what it does not imitate. Topics: kfake.SeedTopics(partitions, names...) among opts.
func Fake(t testing.TB, opts ...kfake.Opt) []string {
	t.Helper()
	return FakeCluster(t, opts...).ListenAddrs()
}

// FakeCluster is Fake for a test that makes the cluster fail: see kfake.Cluster's Control, ControlKey and the moving of
// partitions.
func FakeCluster(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
