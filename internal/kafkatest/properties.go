// SPDX-License-Identifier: Apache-2.0

package kafkatest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
)

// ports are one broker's. Zero: the broker has no such listener.
type ports struct{ client, controller, sasl, tls int }

// The free ports come from below the range from which the system takes the ports of outgoing connections (32768 and up
// on Linux), so that a broker which is down for a while finds its port free when it comes back.
const lowestPort, highestPort = 15000, 30000

// choosePorts gives every broker its ports. They are free now; who comes between makes the broker's start fail, and
// Launch tries again.
func choosePorts(opts Options) ([]ports, error) {
	all := make([]ports, opts.Brokers)
	var open []net.Listener
	defer func() {
		for _, l := range open {
			l.Close()
		}
	}()
	take := func(port int) bool { // and keep it until all are chosen: no port twice
		l, err := net.Listen("tcp", addr(port))
		if err == nil {
			open = append(open, l)
		}
		return err == nil
	}
	free := func() (int, error) {
		for range 1000 {
			port := lowestPort + mathrand.IntN(highestPort-lowestPort)
			if take(port) {
				return port, nil
			}
		}
		return 0, fmt.Errorf("found no free port between %d and %d", lowestPort, highestPort)
	}
	for i := range all {
		wanted := []*int{&all[i].client, &all[i].controller}
		if opts.Port != 0 {
			all[i].client, wanted = opts.Port+i, wanted[1:]
			if !take(opts.Port + i) {
				return nil, fmt.Errorf("port %d is in use: choose another one", opts.Port+i)
			}
		}
		if len(opts.Users) > 0 {
			wanted = append(wanted, &all[i].sasl)
		}
		if opts.TLS {
			wanted = append(wanted, &all[i].tls)
		}
		for _, port := range wanted {
			var err error
			if *port, err = free(); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func addr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// newClusterID is 16 random bytes the way Kafka writes them; none begins with a dash.
func newClusterID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// properties is the server.properties of b.
func (c *Cluster) properties(b *broker) string {
	p := map[string]string{
		"process.roles":             "broker,controller",
		"node.id":                   strconv.Itoa(int(b.nodeID())),
		"controller.quorum.voters":  c.voters(),
		"controller.listener.names": "CONTROLLER",
		"log.dirs":                  b.dataDir(),
	}
	maps.Copy(p, smallAndQuick)
	maps.Copy(p, c.replication())
	maps.Copy(p, c.listeners(b))
	maps.Copy(p, c.authentication())
	if c.cert != nil {
		maps.Copy(p, c.cert.properties())
	}
	maps.Copy(p, c.opts.Properties)
	var s strings.Builder
	for _, key := range sortedKeys(p) {
		fmt.Fprintf(&s, "%s=%s\n", key, p[key])
	}
	return s.String()
}

// smallAndQuick makes a broker that shares two cores with the test that uses it, and that waits for nobody.
var smallAndQuick = map[string]string{
	"auto.create.topics.enable":                    "false",
	"group.initial.rebalance.delay.ms":             "0",
	"group.min.session.timeout.ms":                 "500",
	"offsets.topic.num.partitions":                 "4",
	"transaction.state.log.num.partitions":         "4",
	"share.coordinator.state.topic.num.partitions": "1",
	// Event times of tests lie in the past and in the future: keep such records, and take them.
	"log.retention.ms":                   "-1",
	"log.message.timestamp.after.max.ms": "9223372036854775807",
	// Three brokers notice soon that one is dead; and a broker that was killed may come back only when its former self
	// has been given up, also when it is the only one.
	"broker.session.timeout.ms":    "2500",
	"broker.heartbeat.interval.ms": "250",
	// A transaction that its producer has left is aborted within its timeout and a second, not ten.
	"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
	// Compaction and deletion of segments that a test can wait for, in little memory.
	"log.cleaner.backoff.ms":          "500",
	"log.cleaner.dedupe.buffer.size":  "4194304",
	"log.retention.check.interval.ms": "1000",
	"log.segment.delete.delay.ms":     "1000",
	"num.network.threads":             "2",
	"num.io.threads":                  "4",
}

// replication of Kafka's own topics, and of new ones that do not say.
func (c *Cluster) replication() map[string]string {
	n := c.opts.Brokers
	factor, isr := strconv.Itoa(n), strconv.Itoa(n/2+1)
	return map[string]string{
		"default.replication.factor":                       factor,
		"min.insync.replicas":                              isr,
		"offsets.topic.replication.factor":                 factor,
		"transaction.state.log.replication.factor":         factor,
		"transaction.state.log.min.isr":                    isr,
		"share.coordinator.state.topic.replication.factor": factor,
		"share.coordinator.state.topic.min.isr":            isr,
	}
}

func (c *Cluster) voters() string {
	var voters []string
	for _, b := range c.brokers {
		voters = append(voters, fmt.Sprintf("%d@%s", b.nodeID(), addr(b.ports.controller)))
	}
	return strings.Join(voters, ",")
}

// listeners: PLAINTEXT for clients and between brokers, CONTROLLER, and what the options ask for.
func (c *Cluster) listeners(b *broker) map[string]string {
	advertised := []string{"PLAINTEXT://" + addr(b.ports.client)}
	if b.ports.sasl != 0 {
		advertised = append(advertised, "SASL_PLAINTEXT://"+addr(b.ports.sasl))
	}
	if b.ports.tls != 0 {
		advertised = append(advertised, "SSL://"+addr(b.ports.tls))
	}
	return map[string]string{
		"listeners":                      strings.Join(advertised, ",") + ",CONTROLLER://" + addr(b.ports.controller),
		"advertised.listeners":           strings.Join(advertised, ","),
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL",
		"inter.broker.listener.name":     "PLAINTEXT",
	}
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
