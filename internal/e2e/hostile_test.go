// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// hostile is a kfake behind a network that loses requests or answers when it is told to.
type hostile struct {
	*site
	*kfake.Cluster

	mu   sync.Mutex
	lost map[int16]int // requests of a key that never arrive, and their connection with them
	mute map[int16]int // requests that arrive and are carried out, but whose answer is lost
}

func newHostile(t testing.TB, opts ...kfake.Opt) *hostile {
	h := &hostile{lost: map[int16]int{}, mute: map[int16]int{}}
	opts = append(opts, kfake.ListenFn(h.listen), kfake.GroupMinSessionTimeout(0))
	h.Cluster = kafkatest.FakeCluster(t, opts...)
	h.site = siteOf(t, h.ListenAddrs())
	return h
}

// loseRequests loses the next n requests of a kind.
func (h *hostile) loseRequests(key kmsg.Key, n int) { h.arm(h.lost, key, n) }

// loseAnswers loses the answers to the next n requests of a kind.
func (h *hostile) loseAnswers(key kmsg.Key, n int) { h.arm(h.mute, key, n) }

func (h *hostile) arm(what map[int16]int, key kmsg.Key, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	what[key.Int16()] += n
}

// unused is how many losses of a kind are still to come.
func (h *hostile) unused(key kmsg.Key) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost[key.Int16()] + h.mute[key.Int16()]
}

// take says whether what holds one more of the key, and uses it up.
func (h *hostile) take(what map[int16]int, key int16) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if what[key] == 0 {
		return false
	}
	what[key]--
	return true
}

func (h *hostile) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return &listener{l, h}, err
}

type listener struct {
	net.Listener
	h *hostile
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &conn{Conn: c, h: l.h}, err
}

// conn reads along as far as it takes to see what is asked.
type conn struct {
	net.Conn
	h    *hostile
	head []byte // of the request: its length and its key
	rest int    // bytes to the next request

	mu    sync.Mutex
	muted bool
}

const headBytes = 4 + 2

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for seen := b[:n]; len(seen) > 0; {
		if c.rest > 0 {
			skip := min(c.rest, len(seen))
			c.rest -= skip
			seen = seen[skip:]
			continue
		}
		c.head, seen = append(c.head, seen[0]), seen[1:]
		if len(c.head) < headBytes {
			continue
		}
		key := int16(binary.BigEndian.Uint16(c.head[4:]))
		c.rest = int(binary.BigEndian.Uint32(c.head)) - 2
		c.head = c.head[:0]
		if c.h.take(c.h.lost, key) {
			_ = c.Close()
			return 0, net.ErrClosed
		}
		if c.h.take(c.h.mute, key) {
			c.mu.Lock()
			c.muted = true
			c.mu.Unlock()
		}
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	muted := c.muted
	c.mu.Unlock()
	if muted {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}
