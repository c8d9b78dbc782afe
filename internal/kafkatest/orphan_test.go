// SPDX-License-Identifier: Apache-2.0

package kafkatest_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// orphanEnv makes this test binary a program that starts a broker and waits to be killed.
const orphanEnv = "IRMAK_KAFKATEST_ORPHAN"

func TestABrokerDiesWithTheProcessThatStartedIt(t *testing.T) {
	if os.Getenv(orphanEnv) != "" {
		kafka, err := kafkatest.Launch(t.Context(), kafkatest.Options{})
		require.NoError(t, err)
		fmt.Println("ready", kafka.Addrs()[0], kafka.Dir())
		select {}
	}
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a child that its parent has died")
	}
	kafkatest.Shared(t) // skips where there is no Kafka
	addr, dir := orphan(t)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, patience, 10*time.Millisecond, "a broker at %s is left", addr)
	require.DirExists(t, dir)
	kafkatest.Start(t, kafkatest.Options{})
	require.NoDirExists(t, dir, "the next one cleans up")
}

// orphan starts a process that starts a broker, kills the process, and says where the broker was.
func orphan(t *testing.T) (addr, dir string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env, cmd.Stderr = append(os.Environ(), orphanEnv+"=1"), os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "ready" {
			addr, dir = words[1], words[2]
			break
		}
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait(), "killed")
	require.NotEmpty(t, addr, "the child could not start a broker")
	return addr, dir
}
