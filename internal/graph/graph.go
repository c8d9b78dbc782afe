// SPDX-License-Identifier: Apache-2.0

// Package graph is the untyped picture of a topology: which operators there are, what flows between them, what is
// durable and under which name. It knows nothing of Go types, tasks or Kafka: package stream adds nodes while a
// program writes its topology, Build validates them, Split cuts them into sub-topologies, Describe draws them.
package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role says what a node is to the engine.
type Role uint8

const (
	// Operator transforms records inside a task.
	Operator Role = iota
	// Source reads a topic; it has no inputs.
	Source
	// Sink writes a topic; it has no outputs.
	Sink
	// Exchange is a repartition topic: written by the sub-topology above it, read by the one below. It is the only
	// kind of edge that a sub-topology does not cross.
	Exchange
)

// Node is one operator of a topology.
type Node struct {
	ID    int
	Role  Role
	Kind  string // the operator's name as users write it: "filter", "aggregate"
	Name  string // what the user called it; empty when nothing of it is durable
	Where string // file:line of the call that made it
	In    []*Node

	Topic      string   // of sources, sinks (empty when chosen per record) and exchanges
	KeyCodec   string   // of sources and exchanges: the type of the key codec, to check co-partitioning
	Partitions int32    // of exchanges: how many were asked for; 0 adopts the count of what it is joined with
	Stores     []string // names of the stores that it opened
	Matched    bool     // its inputs are joined by key: they must be co-partitioned
}

// Graph is a topology under construction. It belongs to the goroutine that writes the topology; after Validate it is
// read only.
type Graph struct {
	Name  string
	Nodes []*Node

	names map[string]*Node
	errs  []error
}

// New gives an empty graph of the application called name.
func New(name string) *Graph {
	return &Graph{Name: name, names: map[string]*Node{}}
}

// Add puts n into the graph and gives it its ID. A durable name that is taken, or not fit for a topic's name, is a
// mistake that Validate reports.
func (g *Graph) Add(n *Node) *Node {
	n.ID = len(g.Nodes)
	g.Nodes = append(g.Nodes, n)
	if n.Name != "" {
		g.Claim(n, n.Name)
	}
	return n
}

// Claim makes name n's own: a store, a repartition topic. Two claims of one name by different calls are a mistake.
func (g *Graph) Claim(n *Node, name string) {
	if err := checkName(name); err != nil {
		g.Mistake(n.Where, "%s: %w", n.Kind, err)
		return
	}
	first, taken := g.names[name]
	switch {
	case taken && first != n:
		g.Mistake(n.Where, "%s %q: the name is taken by the %s at %s; "+
			"durable things are found again by their names, so give each its own", n.Kind, name, first.Kind, first.Where)
	case taken && slices.Contains(n.Stores, name):
		g.Mistake(n.Where, "%s opens the store %q twice; open it once per task and keep the handle", n.Kind, name)
	default:
		g.names[name] = n
	}
}

// Mistake records an error of the person who writes the topology, found at where.
func (g *Graph) Mistake(where, format string, args ...any) {
	g.errs = append(g.errs, fmt.Errorf("%s: "+format, append([]any{where}, args...)...))
}

// nameLimit leaves room for the application's name and the suffix within Kafka's 249 characters.
const nameLimit = 120

func checkName(name string) error {
	if name == "" {
		return errors.New("a durable thing needs a name: it is found again by it after a restart")
	}
	if len(name) > nameLimit {
		return fmt.Errorf("name %q is %d characters long; at most %d leave room for the topic's prefix",
			name, len(name), nameLimit)
	}
	bad := strings.IndexFunc(name, func(r rune) bool {
		return !(r == '.' || r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
	if bad >= 0 || name == "." || name == ".." {
		return fmt.Errorf("name %q becomes part of a topic's name: use letters, digits, '.', '_' and '-'", name)
	}
	return nil
}

// Validate checks what can be known without a broker and gives all mistakes at once, in the order of the code that
// made them, or nil.
func (g *Graph) Validate() error {
	errs := slices.Clone(g.errs)
	if err := checkName(g.Name); err != nil {
		errs = append(errs, fmt.Errorf("topology: %w", err))
	}
	if !slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Role == Source }) {
		errs = append(errs, fmt.Errorf("topology %q reads no topic: begin with stream.From or stream.TableFrom", g.Name))
	}
	readers := map[string]*Node{}
	for _, n := range g.Nodes {
		if n.Role != Source {
			continue
		}
		if first, twice := readers[n.Topic]; twice {
			errs = append(errs, fmt.Errorf("%s: topic %q is read already at %s; read it once and use the stream twice",
				n.Where, n.Topic, first.Where))
		}
		readers[n.Topic] = n
	}
	for _, sub := range g.Split() {
		errs = append(errs, sub.checkKeys()...)
	}
	return errors.Join(errs...)
}

// ShortFile keeps the last two parts of a path: enough to find it, short enough to read.
func ShortFile(path string) string {
	parts := strings.Split(path, "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}
