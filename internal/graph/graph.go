// SPDX-License-Identifier: Apache-2.0

// Package graph is the untyped picture of a topology: which operators there are, what flows between them, what is
// durable and under which name. It knows nothing of Go types, tasks or Kafka: package stream adds nodes while a
// program writes its topology, Build validates them, Split cuts them into sub-topologies, Describe draws them.
package graph

import (
	"cmp"
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
	// Global is a topic of which every process has a full copy. It is in no sub-topology, and nothing flows from it:
	// operators look into it.
	Global
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
	Placed     string   // of sources: the function that places keys in partitions; empty for Kafka's default
	History    int64    // ms; of sources of which old rows are read too, not only the newest per key
	Partitions int32    // of exchanges: how many were asked for; 0 adopts the count of what it is joined with
	Stores     []string // names of the stores that it opened
	Globals    []string // topics of the global tables that it looks into
	Matched    bool     // its inputs are brought together by key: they must be co-partitioned
}

// Label is the operator's kind and name, for messages: `aggregate "totals"`.
func (n *Node) Label() string {
	if n.Name == "" {
		return n.Kind
	}
	return fmt.Sprintf("%s %q", n.Kind, n.Name)
}

// Graph is a topology under construction. It belongs to the goroutine that writes the topology; after Validate it is
// read only.
type Graph struct {
	Name  string
	Nodes []*Node

	names    map[string]*Node
	mistakes []mistake
}

// mistake is an error of the person who writes the topology.
type mistake struct {
	node *Node
	text string // without the place
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

// Claim makes name n's own: n's name, or that of a store that n opens. Two claims of one name by different calls are a
// mistake, as are two of the same store.
func (g *Graph) Claim(n *Node, name string) {
	if name == "" && g.Faulty(n) {
		return // for want of the name that the store was to have
	}
	what := ""
	if name != n.Name {
		what = fmt.Sprintf("store %q: ", name)
	}
	if err := checkName(name); err != nil {
		g.Mistake(n, "%s%v", what, err)
		return
	}
	first, taken := g.names[name]
	switch {
	case taken && first != n:
		g.Mistake(n, "%sthe name is taken by the %s at %s; durable things are found again by their names, so give each "+
			"its own", what, first.Kind, first.Where)
	case taken && slices.Contains(n.Stores, name):
		g.Mistake(n, "it opens the store %q twice; open it once per task and keep the handle", name)
	default:
		g.names[name] = n
	}
}

// Mistake records what is wrong with n, once.
func (g *Graph) Mistake(n *Node, format string, args ...any) {
	m := mistake{n, fmt.Errorf(format, args...).Error()}
	if !slices.Contains(g.mistakes, m) {
		g.mistakes = append(g.mistakes, m)
	}
}

// Faulty says whether a mistake of n is known.
func (g *Graph) Faulty(n *Node) bool {
	return slices.ContainsFunc(g.mistakes, func(m mistake) bool { return m.node == n })
}

// nameLimit leaves room for the application's name and the suffix within Kafka's limit.
const (
	nameLimit  = 118
	topicLimit = 249 // Kafka's
)

func checkName(name string) error {
	if name == "" {
		return errors.New("a durable thing needs a name: it is found again by it after a restart")
	}
	if len(name) > nameLimit {
		return fmt.Errorf("name %q is %d characters long; at most %d leave room for the topic's prefix",
			name, len(name), nameLimit)
	}
	if !legal(name) {
		return fmt.Errorf("name %q becomes part of a topic's name: use letters, digits, '.', '_' and '-'", name)
	}
	return nil
}

// legal says whether Kafka takes name for a topic.
func legal(name string) bool {
	bad := strings.IndexFunc(name, func(r rune) bool {
		return !(r == '.' || r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
	return bad < 0 && name != "." && name != ".."
}

// CheckTopic says what is wrong with the name of a topic, for the brokers would say only that something is.
func CheckTopic(name string) error {
	switch {
	case name == "":
		return errors.New("the topic has no Name")
	case len(name) > topicLimit:
		return fmt.Errorf("topic %q: the name is %d characters long, at most %d", name, len(name), topicLimit)
	case !legal(name):
		return fmt.Errorf("topic %q: use letters, digits, '.', '_' and '-'", name)
	}
	return nil
}

// Validate checks what can be known without a broker and gives all mistakes at once, in the order of the calls that
// made them, or nil.
func (g *Graph) Validate() error {
	all := Graph{mistakes: slices.Clone(g.mistakes)}
	g.checkNodes(&all)
	for _, sub := range g.Split() {
		sub.checkKeys(&all)
		sub.checkCounts(&all)
	}
	slices.SortStableFunc(all.mistakes, func(a, b mistake) int { return cmp.Compare(a.node.ID, b.node.ID) })
	var errs []error
	if err := checkName(g.Name); err != nil {
		errs = append(errs, fmt.Errorf("topology: %w", err))
	}
	for _, m := range all.mistakes {
		errs = append(errs, fmt.Errorf("%s: %s: %s", m.node.Where, m.node.Label(), m.text))
	}
	if !slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Role == Source }) {
		errs = append(errs, fmt.Errorf("topology %q reads no topic: begin with stream.From or stream.TableFrom", g.Name))
	}
	return errors.Join(errs...)
}

// checkNodes checks each node for itself, and that no topic is read twice, or copied twice.
func (g *Graph) checkNodes(report *Graph) {
	readers, copies := map[string]*Node{}, map[string]*Node{}
	for _, n := range g.Nodes {
		if n.Role == Global {
			if first := copies[n.Topic]; first != nil && n.Topic != "" {
				report.Mistake(n, "topic %q is a global table already at %s; use that table twice", n.Topic, first.Where)
			}
			copies[n.Topic] = n
			continue
		}
		switch first := readers[n.Topic]; {
		case n.Role != Source:
			if len(n.In) == 0 && !g.Faulty(n) {
				report.Mistake(n, "it has no input")
			}
		case first != nil && n.Topic != "":
			advice := "read it once and use the stream twice"
			if n.Kind != first.Kind {
				advice = "read it once: operators.ToTable makes a table of a stream, operators.ToStream a stream of a table"
			}
			report.Mistake(n, "topic %q is read already at %s; %s", n.Topic, first.Where, advice)
		default:
			readers[n.Topic] = n
		}
	}
}

// ShortFile keeps the last two parts of a path: enough to find it, short enough to read.
func ShortFile(path string) string {
	parts := strings.Split(path, "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}
