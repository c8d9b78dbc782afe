// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/irmak-go/irmak/internal/clock"
)

// Options say how to reach the cluster.
type Options struct {
	// Brokers are addresses, host:port, of some of the brokers; the others are learned from them.
	Brokers []string
	// ClientID names us in the brokers' logs and quotas. Defaults to "irmak".
	ClientID string
	// TLS encrypts the connections. Defaults to none.
	TLS *tls.Config
	// SASL authenticates us. Defaults to none.
	SASL *SASL
	// Log receives what an operator should know. Defaults to nothing.
	Log *slog.Logger
	// Clock measures time-outs and pauses. Defaults to clock.System.
	Clock clock.Clock
	// DialTimeout bounds the TCP handshake. Defaults to 5 s.
	DialTimeout time.Duration
	// RequestTimeout bounds the wait for an answer, beyond what the request itself lets the broker wait.
	// Defaults to 30 s.
	RequestTimeout time.Duration
	// RetryTimeout bounds the attempts at what passes, such as elections. Defaults to 60 s.
	RetryTimeout time.Duration
	// RetryBackoff is the first pause between attempts; each is twice the one before. Defaults to 20 ms.
	RetryBackoff time.Duration
	// RetryBackoffMax is the longest pause. Defaults to 1 s.
	RetryBackoffMax time.Duration
}

func (o Options) withDefaults() Options {
	if o.ClientID == "" {
		o.ClientID = "irmak"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	for _, d := range []struct {
		field    *time.Duration
		standard time.Duration
	}{
		{&o.DialTimeout, 5 * time.Second},
		{&o.RequestTimeout, 30 * time.Second},
		{&o.RetryTimeout, 60 * time.Second},
		{&o.RetryBackoff, 20 * time.Millisecond},
		{&o.RetryBackoffMax, time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.standard
		}
	}
	return o
}

// Client knows the cluster: who leads which partition, who coordinates which group, and a control connection to each
// broker that was ever needed. Everything else in this package works on one.
//
// Owner: the process. Its methods may be called from any goroutine; mu guards the maps and is never held over a
// request.
//
//  1. A partition's leader epoch in topics never falls while the topic's id is the same: brokers lag behind each other.
//  2. There is at most one live control connection per address; nobody sends on it what waits at the broker
//     (fetches with MaxWait, JoinGroup, produce): those have connections of their own, see dial.
type Client struct {
	opts Options
	conf *sarama.Config // validated; never changed after Open
	log  *slog.Logger

	mu           sync.Mutex
	nodes        map[int32]node
	controller   int32
	topics       map[string]topic
	rules        map[string]*rules // of topics that are written to; nil: it has none
	coordinators map[coordinatorKey]int32
	conns        map[string]*conn // control, by address
	closed       bool
}

// Open connects to one of the brokers and learns the cluster. Brokers that cannot be reached are ErrUnreachable,
// refused credentials ErrAuth; both say which addresses were tried and what to check.
func Open(ctx context.Context, opts Options) (*Client, error) {
	opts = opts.withDefaults()
	if len(opts.Brokers) == 0 {
		return nil, fmt.Errorf("kafka: no brokers: set Brokers to at least one host:port")
	}
	conf, err := configure(opts)
	if err != nil {
		return nil, err
	}
	c := &Client{
		opts: opts, conf: conf, log: opts.Log, controller: -1,
		nodes: map[int32]node{}, topics: map[string]topic{}, rules: map[string]*rules{},
		coordinators: map[coordinatorKey]int32{}, conns: map[string]*conn{},
	}
	if err := c.refreshOnce(ctx, bootstrapTopic); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("kafka: open %s: %w", strings.Join(opts.Brokers, ","), err)
	}
	return c, nil
}

// Close closes the control connections; requests under way fail. Fetchers, producers and members are closed by
// their owners before.
func (c *Client) Close() error {
	c.mu.Lock()
	conns := c.conns
	c.closed, c.conns = true, nil
	c.mu.Unlock()
	for _, b := range conns {
		b.close()
	}
	return nil
}

// saramaConfig is a copy of the configuration, for those who need sarama's own clients.
func (c *Client) saramaConfig() *sarama.Config {
	conf := *c.conf
	return &conf
}

// control is the shared connection to n, for short requests only.
func (c *Client) control(n node) (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("kafka client: %w", ErrClosed)
	}
	b := c.conns[n.addr]
	if b == nil || b.lost.Load() {
		b = c.dial(n)
		c.conns[n.addr] = b
	}
	return b, nil
}

// Check says what is wrong with o, as far as that can be known without a broker.
func (o Options) Check() error {
	_, err := configure(o.withDefaults())
	return err
}

func configure(opts Options) (*sarama.Config, error) {
	conf := sarama.NewConfig()
	conf.ClientID = opts.ClientID
	conf.Version = sarama.MaxVersion // each request is sent in the newest version that both sides know
	conf.ChannelBufferSize = 16
	conf.MetricRegistry = noMetrics{}
	conf.Net.DialTimeout = opts.DialTimeout
	conf.Net.ReadTimeout = opts.RequestTimeout
	conf.Net.WriteTimeout = opts.RequestTimeout
	conf.Net.KeepAlive = keepAlive
	conf.Net.MaxOpenRequests = 5 // what a broker remembers per idempotent producer
	conf.Metadata.Full = false
	conf.Metadata.AllowAutoTopicCreation = false
	conf.Consumer.Return.Errors = true
	if opts.TLS != nil {
		conf.Net.TLS.Enable, conf.Net.TLS.Config = true, opts.TLS
	}
	if err := authenticate(conf, opts.SASL, opts.RequestTimeout); err != nil {
		return nil, err
	}
	if err := conf.Validate(); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return conf, nil
}
