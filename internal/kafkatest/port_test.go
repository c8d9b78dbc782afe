// SPDX-License-Identifier: Apache-2.0

package kafkatest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABrokerWhosePortIsTakenSaysSo(t *testing.T) {
	t.Parallel()
	Shared(t) // skips where there is no Kafka
	jars, err := findJars(t.Context())
	require.NoError(t, err)
	c := &Cluster{opts: Options{Brokers: 1, JVM: smallJVM}, jars: jars, id: newClusterID()}
	c.dir, c.unlock, err = makeDir()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.layOut())
	require.NoError(t, c.format(t.Context()))
	taken, err := net.Listen("tcp", c.Addrs()[0])
	require.NoError(t, err)
	t.Cleanup(func() { taken.Close() })

	require.NoError(t, c.brokers[0].start(jars, smallJVM))
	err = waitReady(t.Context(), c.brokers)
	require.ErrorIs(t, err, errPortTaken, "so Launch takes others")
	require.ErrorContains(t, err, "Address already in use")
}
