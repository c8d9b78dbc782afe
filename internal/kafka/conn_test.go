// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// A control connection has several users. One of them ends its request while the connection is still being dialled: the
// others must take that for a lost connection, which is tried again, not for the end of their own context.
func TestADialThatIsCutIsALostConnection(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	b := &conn{}
	b.ctx, b.cancel = context.WithCancel(t.Context())
	b.cut()
	_, err = b.Dial("tcp", listener.Addr().String())
	require.ErrorIs(t, err, errCut)
	require.NotErrorIs(t, err, context.Canceled)
	require.True(t, Passing(err))
}
