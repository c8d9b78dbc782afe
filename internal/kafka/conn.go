// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// errCut is what a request gets whose connection was cut under it.
var errCut = errors.New("connection cut")

// keepAlive is the period of TCP's probes: idle connections through balancers and NAT stay open.
const keepAlive = 30 * time.Second

// node is a broker as the metadata names it.
type node struct {
	id   int32
	addr string
}

// conn is one connection to one broker, for one purpose.
//
// sarama's Broker has one socket and holds its lock from a request to the answer: a fetch that waits half a second
// for data would delay a commit by as much, and Close too would wait for it. So every purpose (control, fetch,
// produce, membership) opens its own, and a conn knows its socket and can cut it.
//
// Owner: who dialled it. Requests and cut may come from any goroutine.
//
//  1. A conn is dialled once. After an error of the connection it is closed and a new one takes its place.
//  2. After cut no request waits on it any more, also none that is still dialling.
type conn struct {
	*sarama.Broker
	node        node
	dialTimeout time.Duration

	ctx    context.Context // ends with cut; bounds the dialling
	cancel context.CancelFunc
	lost   atomic.Bool // closed, or to be closed

	mu     sync.Mutex
	socket net.Conn // nil until dialled
}

// dial opens a connection of the caller's own. It returns at once; the first request waits for the connection and
// gets its error. The caller closes it. edit may change a copy of the configuration, such as the read timeout.
func (c *Client) dial(n node, edit ...func(*sarama.Config)) *conn {
	b := &conn{Broker: sarama.NewBroker(n.addr), node: n, dialTimeout: c.opts.DialTimeout}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	conf := *c.conf
	conf.Net.Proxy.Enable, conf.Net.Proxy.Dialer = true, b
	for _, f := range edit {
		f(&conf)
	}
	if err := b.Open(&conf); err != nil { // only a mistake in conf, which Open of the client has validated
		b.close()
	}
	return b
}

// Dial is called by sarama.
func (b *conn) Dial(network, addr string) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: keepAlive, Timeout: b.dialTimeout}
	socket, err := dialer.DialContext(b.ctx, network, addr)
	switch {
	case err != nil && b.ctx.Err() != nil:
		return nil, errCut // whoever else waits for the connection has not been cancelled
	case err != nil:
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() != nil {
		_ = socket.Close()
		return nil, errCut
	}
	b.socket = socket
	return socket, nil
}

// cut ends whatever waits on the connection.
func (b *conn) cut() {
	b.lost.Store(true)
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.socket != nil {
		_ = b.socket.Close()
	}
}

// close cuts the connection and releases its goroutines.
func (b *conn) close() {
	b.cut()
	_ = b.Broker.Close() // not connected, or closed twice: both are what we want
}

// call sends req and waits for the answer, no longer than ctx. An error of the connection closes it.
//
//	res, err := call(ctx, b, b.FetchOffset, req)
func call[Req, Res any](ctx context.Context, b *conn, send func(Req) (Res, error), req Req) (Res, error) {
	var none Res
	if err := ctx.Err(); err != nil {
		return none, err
	}
	stop := context.AfterFunc(ctx, b.cut)
	res, err := send(req)
	if !stop() { // cut, or about to be
		b.close()
	}
	if err == nil {
		return res, nil
	}
	err = classify(err)
	if _, isCode := errors.AsType[sarama.KError](err); !isCode || errors.Is(err, ErrAuth) {
		b.close()
	}
	if ctx.Err() != nil { // the cause, whoever of those that watch ctx was the first to cut
		return none, ctx.Err()
	}
	return none, err
}
