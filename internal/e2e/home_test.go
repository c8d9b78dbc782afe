// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/stream"
)

func TestAStateDirectoryThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	dir := filepath.Join(file, "state")
	config := stream.Config{Brokers: []string{"localhost:1"}, StateDir: dir}
	err := start(t, passing("unwritable", "in", "out"), config).wait()
	requireText(t, err, "state directory "+dir, "choose one that this user may write")
}

func TestAStateDirectoryThatIsInUseByAnotherProcess(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	job := job{Name: kafkatest.Name(t, "app"), Brokers: s.addrs, In: in, Out: out, StateDir: t.TempDir()}
	other := launch(t, job)
	other.await("started")
	err := start(t, job.topology(), job.config()).wait()
	requireText(t, err, "state directory "+job.StateDir, "by process "+strconv.Itoa(other.pid()), "its own StateDir")

	other.kill() // however it ends, the directory is free
	again := start(t, job.topology(), job.config())
	again.await("the directory is free", func() bool { return len(again.log.lines("started")) > 0 })
	err = start(t, job.topology(), job.config()).wait()
	requireText(t, err, "in use by process "+strconv.Itoa(os.Getpid())) // the same process, twice
	require.NoError(t, again.end())
}

func TestADirectoryWithABrokenIdentity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "instance"), []byte("half"), 0o600))
	err := start(t, passing("broken", "in", "out"), stream.Config{Brokers: []string{"localhost:1"}, StateDir: dir}).wait()
	requireText(t, err, "state directory "+dir, "instance", "remove it")
}
