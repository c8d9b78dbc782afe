// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/stream"
)

// TestAStopCommitsAndWritesEverythingBehind: although commits and checkpoints are far apart, a stop leaves nothing to
// do again and nothing to replay.
func TestAStopCommitsAndWritesEverythingBehind(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	const partitions = 4
	in, out := c.CreateTopic(t, "in", partitions, nil), c.CreateTopic(t, "out", partitions, nil)
	o, topo := newTally(100), counting(kafkatest.Name(t, "app"), in, out)
	var seen atomic.Uint64
	config := stream.Config{
		Brokers: s.addrs, StateDir: t.TempDir(), Workers: 2, OnRecords: seen.Store,
		CommitInterval: 4 * time.Second, CheckpointInterval: time.Hour,
	}
	s.put(in, o.more(5000, partitions)...)
	a := start(t, topo, config)
	a.await("everything is processed", func() bool { return seen.Load() == 5000 })
	require.NoError(t, a.end())
	o.check(t, s.committed(out))
	require.EqualValues(t, 5000, seen.Load())

	a = start(t, topo, config)
	a.await("the tasks run", func() bool { return len(a.log.lines("task runs")) == partitions })
	require.Len(t, a.log.lines("state rolled forward", "records=0"), partitions)
	s.put(in, o.more(100, partitions)...)
	s.counted(a, topo.Name(), in, out, o)
	require.NoError(t, a.end())
}

// TestASignalStopsAProcess as the end of its context does.
func TestASignalStopsAProcess(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	o := newTally(10)
	j := job{
		Name: kafkatest.Name(t, "app"), Brokers: s.addrs, In: in, Out: out, StateDir: t.TempDir(),
		Commit: time.Second, Checkpoint: time.Hour,
	}
	s.put(in, o.more(100, 1)...)
	p := launch(t, j)
	p.await("task runs")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.cmd.Wait())

	a := start(t, j.topology(), j.config())
	a.await("the task runs", func() bool { return len(a.tasks()) == 1 })
	s.counted(a, j.Name, in, out, o)
	require.Len(t, a.log.lines("state rolled forward", "records=0"), 1)
	require.NoError(t, a.end())
}

// TestOthersTakeOverAtOnce: a process that stops leaves the group, so that nobody waits for its session to end.
func TestOthersTakeOverAtOnce(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	const partitions = 4
	in, out := c.CreateTopic(t, "in", partitions, nil), c.CreateTopic(t, "out", partitions, nil)
	o, topo := newTally(100), counting(kafkatest.Name(t, "app"), in, out)
	config := stream.Config{Brokers: s.addrs, SessionTimeout: time.Hour / 2}
	first, second := start(t, topo, config), start(t, topo, config)
	await(t, "both have work", func() bool { return len(first.tasks()) == 2 && len(second.tasks()) == 2 })
	s.put(in, o.more(1000, partitions)...)
	s.counted(first, topo.Name(), in, out, o)
	require.NoError(t, first.end())
	s.put(in, o.more(1000, partitions)...)
	quick := time.After(impatience)
	second.await("the other one has all the work", func() bool {
		select {
		case <-quick:
			t.Fatal("nobody takes over")
		default:
		}
		return len(second.tasks()) == partitions
	})
	s.counted(second, topo.Name(), in, out, o)
	require.NoError(t, second.end())
}

var taskID = regexp.MustCompile(`task=(\d+_\d+)`)

// tasks are those that a Run has at work, by its log.
func (a *app) tasks() []string {
	at := map[string]int{}
	for i, line := range a.log.lines("task=") {
		id := taskID.FindStringSubmatch(line)
		switch {
		case id == nil:
		case strings.Contains(line, `msg="task runs"`):
			at[id[1]] = i
		case strings.Contains(line, `msg="task ends"`):
			delete(at, id[1])
		}
	}
	var ids []string
	for id := range at {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// TestAProcessGetsTheTasksBackForWhichItHasState: both processes are stopped and started again. The first one that is
// back has everything for a while; then the other one gets what it had, and rolls forward what it has missed only.
func TestAProcessGetsTheTasksBackForWhichItHasState(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	const partitions = 6
	in, out := c.CreateTopic(t, "in", partitions, nil), c.CreateTopic(t, "out", partitions, nil)
	o, topo := newTally(100), counting(kafkatest.Name(t, "app"), in, out)
	join := func(dir string, together ...*app) []*app {
		together = append(together, start(t, topo, stream.Config{Brokers: s.addrs, StateDir: dir}))
		await(t, "they share the work", func() bool {
			return !slices.ContainsFunc(together, func(a *app) bool { return len(a.tasks()) != partitions/len(together) })
		})
		s.put(in, o.more(1000, partitions)...)
		s.counted(together[0], topo.Name(), in, out, o)
		return together
	}
	dirs := []string{t.TempDir(), t.TempDir()}
	apps := join(dirs[0])
	apps = join(t.TempDir(), apps...)
	apps = join(dirs[1], apps...)
	require.NoError(t, apps[1].end()) // it was there so that the last one does not have what it would be given anyway
	apps = slices.Delete(apps, 1, 2)
	await(t, "they share its work", func() bool { return len(apps[0].tasks()) == 3 && len(apps[1].tasks()) == 3 })
	had := [2][]string{apps[0].tasks(), apps[1].tasks()}
	require.NotEqual(t, []string{"0_0", "0_1", "0_2"}, had[1])
	require.NoError(t, apps[1].end())
	require.NoError(t, apps[0].end())

	apps = join(dirs[0])
	apps = join(dirs[1], apps...)
	require.Equal(t, had, [2][]string{apps[0].tasks(), apps[1].tasks()})
	require.Empty(t, apps[1].log.lines("state rolled forward", "from=0 "))
}

// TestNothingIsLeftRunning is not parallel, so that all goroutines are its own.
func TestNothingIsLeftRunning(t *testing.T) {
	s, c := shared(t)
	const partitions = 4
	in, out := c.CreateTopic(t, "in", partitions, nil), c.CreateTopic(t, "out", partitions, nil)
	o, topo := newTally(100), counting(kafkatest.Name(t, "app"), in, out)
	for range 2 {
		s.put(in, o.more(1000, partitions)...)
		a := start(t, topo, stream.Config{Brokers: s.addrs, Workers: 2})
		s.counted(a, topo.Name(), in, out, o)
		require.NoError(t, a.end())
		requireQuiet(t)
	}
	failed := start(t, topo, stream.Config{Brokers: []string{"127.0.0.1:1"}})
	require.Error(t, failed.wait())
	requireQuiet(t)
}

// requireQuiet waits until no goroutine of a Run is left. Some end a moment after Run: they only report what is over.
func requireQuiet(t *testing.T) {
	t.Helper()
	patience := time.After(impatience)
	for left := goroutines(); len(left) > 0; left = goroutines() {
		select {
		case <-patience:
			t.Fatalf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
		case <-time.After(quickWait):
		}
	}
}

// goroutines are the stacks that a Run may have to do with.
func goroutines() []string {
	mentions := func(stack string, packages ...string) bool {
		return slices.ContainsFunc(packages, func(p string) bool { return strings.Contains(stack, p) })
	}
	buf := make([]byte, 4<<20)
	var found []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if mentions(stack, "irmak-go/irmak/", "IBM/sarama", "cockroachdb/") &&
			!mentions(stack, "irmak/internal/e2e.", "irmak/internal/kafkatest.") {
			found = append(found, stack)
		}
	}
	return found
}
