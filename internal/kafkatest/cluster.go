// SPDX-License-Identifier: Apache-2.0

// Package kafkatest runs a real Kafka, from Maven Central, for tests, benchmarks and people.
//
//	func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		kafka := kafkatest.Shared(t)                           // one broker for the whole test binary, or
//		kafka := kafkatest.Start(t, kafkatest.Options{Brokers: 3}) // a cluster of this test's own
//		topic := kafka.CreateTopic(t, "payments", 4, nil)
//		...
//		kafka.Kill(0)    // kill -9
//		kafka.Restart(0) // the same ports, the same data
//	}
//
// Launch is the same without a test around it; Fake is franz-go's kfake, in process, where a broker would be too slow
// or could not be made to fail as precisely.
package kafkatest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	readyTimeout  = 90 * time.Second      // for a cluster to answer: 2 to 5 s, when the machine has nothing else to do
	stopTimeout   = 30 * time.Second      // for a broker to end after SIGTERM
	pollInterval  = 25 * time.Millisecond // between two looks at something that becomes true by itself
	launchTries   = 3                     // when somebody takes a port between our look and Kafka's bind
	logTailLength = 8 << 10               // bytes of each broker's log that go into an error
)

// Options say what kind of cluster. The zero value is one broker that anybody may connect to.
type Options struct {
	// Brokers is how many there are, each broker and controller at once. Defaults to 1; 3 survive the loss of one.
	Brokers int
	// Port is the first broker's port for clients, the next broker has the next one. Defaults to free ports.
	Port int
	// Users, name to password, opens a listener that asks for SASL (SASLAddrs): PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 with
	// these users, and OAUTHBEARER with the tokens of UnsecuredToken. An authorizer then runs too: everybody may do
	// everything to whatever no ACL names, and who comes in without SASL is the superuser. Defaults to none.
	Users map[string]string
	// TLS opens a listener (TLSAddrs) that speaks TLS with a certificate which Cluster.TLS trusts. Defaults to none.
	TLS bool
	// JVM are the flags of each broker's JVM. Defaults to a small heap and the quick compiler, which halve the CPU that a
	// start costs; a benchmark gives e.g. -Xms1g and -Xmx1g, and so gets the compiler that optimizes.
	JVM []string
	// Properties are added to each broker's server.properties and win over what stands there. Defaults to none.
	Properties map[string]string
}

// Cluster is some brokers that run as processes of their own.
//
// Owner: whoever launched it; Stop, Kill, Restart and Close may be called from any goroutine, mu makes them take turns.
//
//  1. The ports and data directories of a broker stay the same from Launch to Close.
//  2. No broker outlives Close, nor the process that launched it (on Linux).
type Cluster struct {
	opts    Options
	jars    jars
	id      string
	dir     string // temporary, removed by Close
	cert    *certificate
	brokers []*broker

	mu     sync.Mutex
	unlock func() // gives up the lock that says that dir is in use; may be called again
}

var smallJVM = []string{"-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1"}

// Launch starts a cluster and returns when every broker knows all of them. Whoever calls it must Close what it gives.
// ctx bounds the start only. The first start on a machine downloads Kafka (about 45 MB).
func Launch(ctx context.Context, opts Options) (*Cluster, error) {
	if opts.Brokers == 0 {
		opts.Brokers = 1
	}
	if opts.JVM == nil {
		opts.JVM = smallJVM
	}
	if opts.Brokers != 1 && opts.Brokers != 3 {
		return nil, fmt.Errorf("kafkatest: %d brokers asked for, but a cluster has 1 or 3", opts.Brokers)
	}
	jars, err := findJars(ctx)
	if err != nil {
		return nil, fmt.Errorf("kafkatest: %w", err)
	}
	for try := 1; ; try++ {
		c, err := launch(ctx, jars, opts)
		if err == nil {
			return c, nil
		}
		if try == launchTries || opts.Port != 0 || !errors.Is(err, errPortTaken) {
			return nil, fmt.Errorf("kafkatest: %w", err)
		}
	}
}

func launch(ctx context.Context, jars jars, opts Options) (_ *Cluster, err error) {
	c := &Cluster{opts: opts, jars: jars, id: newClusterID()}
	if c.dir, c.unlock, err = makeDir(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if opts.TLS {
		if c.cert, err = newCertificate(); err != nil {
			return nil, err
		}
	}
	if err := c.layOut(); err != nil {
		return nil, err
	}
	if err := c.format(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for _, b := range c.brokers {
		if err := b.start(c.jars, c.opts.JVM); err != nil {
			return nil, err
		}
	}
	return c, waitReady(ctx, c.brokers)
}

// layOut gives every broker its ports, its directory and its server.properties.
func (c *Cluster) layOut() error {
	ports, err := choosePorts(c.opts)
	if err != nil {
		return err
	}
	for i, p := range ports {
		dir := filepath.Join(c.dir, fmt.Sprintf("broker-%d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		c.brokers = append(c.brokers, &broker{index: i, dir: dir, ports: p})
	}
	for _, b := range c.brokers {
		if err := os.WriteFile(b.propertiesFile(), []byte(c.properties(b)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Addrs are the brokers' addresses for clients, without credentials.
func (c *Cluster) Addrs() []string { return c.addrs(func(p ports) int { return p.client }) }

// SASLAddrs are the addresses that ask for one of Options.Users; none without them.
func (c *Cluster) SASLAddrs() []string { return c.addrs(func(p ports) int { return p.sasl }) }

// TLSAddrs are the addresses that speak TLS; none without Options.TLS.
func (c *Cluster) TLSAddrs() []string { return c.addrs(func(p ports) int { return p.tls }) }

// TLS is a client's configuration that trusts the cluster's certificate; nil without Options.TLS.
func (c *Cluster) TLS() *tls.Config {
	if c.cert == nil {
		return nil
	}
	return &tls.Config{RootCAs: c.cert.pool, MinVersion: tls.VersionTLS12}
}

// Dir is where data and logs are.
func (c *Cluster) Dir() string { return c.dir }

func (c *Cluster) addrs(port func(ports) int) []string {
	var addrs []string
	for _, b := range c.brokers {
		if p := port(b.ports); p != 0 {
			addrs = append(addrs, addr(p))
		}
	}
	return addrs
}

// Stop ends broker i as an operator would, with SIGTERM: it hands its leaderships over and closes its log cleanly.
// It returns when the process is gone; an error says that it had to be killed. A stopped broker is fine.
func (c *Cluster) Stop(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.brokers[i].stop()
}

// Kill ends broker i with kill -9 and returns when the process is gone. A stopped broker is fine.
func (c *Cluster) Kill(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.brokers[i].kill()
}

// Restart starts broker i again after Stop or Kill, with the same ports and data, or, when it runs, stops it first.
// It returns when the broker serves and all that run know each other. After a Kill that takes some seconds: Kafka lets
// a broker back in only when it has given up the one that died.
func (c *Cluster) Restart(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.brokers[i].stop(); err != nil {
		return err
	}
	if err := c.brokers[i].start(c.jars, c.opts.JVM); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	return waitReady(ctx, c.running())
}

// running are the brokers that run now.
func (c *Cluster) running() []*broker {
	var running []*broker
	for _, b := range c.brokers {
		if b.running() {
			running = append(running, b)
		}
	}
	return running
}

// Logs is the end of every broker's log, for a person who looks at a failure.
func (c *Cluster) Logs() string {
	var s strings.Builder
	for _, b := range c.brokers {
		fmt.Fprintf(&s, "--- broker %d, the end of its log:\n%s", b.index, b.logTail())
	}
	return s.String()
}

// Close kills what runs and removes data and logs. Closing twice is fine.
func (c *Cluster) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, b := range c.brokers {
		errs = append(errs, b.kill())
	}
	errs = append(errs, os.RemoveAll(c.dir))
	c.unlock()
	return errors.Join(errs...)
}
