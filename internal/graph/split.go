// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"cmp"
	"fmt"
	"slices"
)

// Sub is one sub-topology: what a task runs for one partition. All its inputs have the same number of partitions,
// because a task takes partition p of each.
type Sub struct {
	Index  int
	Nodes  []*Node // in the order in which they were written
	Inputs []*Node // sources, and exchanges that it reads
	Sends  []*Node // exchanges that it writes
	Echoes []*Node // inputs that come of what it sends itself, by whatever way
}

// Topics are the topics that the sub-topology reads, by name; internal ones carry the application's prefix.
func (s *Sub) Topics(app string) []string {
	topics := make([]string, len(s.Inputs))
	for i, n := range s.Inputs {
		topics[i] = n.TopicName(app)
	}
	return topics
}

// TopicName is the topic's full name: repartition topics carry the application's name.
func (n *Node) TopicName(app string) string {
	if n.Role == Exchange {
		return app + "-" + n.Name + "-repartition"
	}
	return n.Topic
}

// ChangelogName is the topic that holds the changes of a store.
func ChangelogName(app, store string) string { return app + "-" + store + "-changelog" }

// Split cuts the graph at its exchanges. Nodes that are connected otherwise, in whatever direction, share a task:
// they may share stores. The result is ordered by each sub-topology's first node, so that its indexes are the same
// in every process that runs the same program.
func (g *Graph) Split() []*Sub {
	parent := make([]int, len(g.Nodes))
	for i := range parent {
		parent[i] = i
	}
	var root func(int) int
	root = func(i int) int {
		if parent[i] != i {
			parent[i] = root(parent[i])
		}
		return parent[i]
	}
	// An exchange belongs to the sub-topology that reads it: its own edge in is the one that is not followed.
	for _, n := range g.Nodes {
		if n.Role == Exchange {
			continue
		}
		for _, in := range n.In {
			parent[root(n.ID)] = root(in.ID)
		}
	}
	subs := map[int]*Sub{}
	for _, n := range g.Nodes {
		if n.Role == Global {
			continue
		}
		s := subs[root(n.ID)]
		if s == nil {
			s = &Sub{}
			subs[root(n.ID)] = s
		}
		s.Nodes = append(s.Nodes, n)
		if n.Role == Source || n.Role == Exchange {
			s.Inputs = append(s.Inputs, n)
		}
	}
	for _, n := range g.Nodes {
		if n.Role != Exchange {
			continue
		}
		for _, in := range n.In {
			s := subs[root(in.ID)]
			s.Sends = append(s.Sends, n)
		}
	}
	out := make([]*Sub, 0, len(subs))
	for _, s := range subs {
		s.Echoes = s.echoes(g, func(n *Node) *Sub { return subs[root(n.ID)] })
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *Sub) int { return cmp.Compare(a.Nodes[0].ID, b.Nodes[0].ID) })
	for i, s := range out {
		s.Index = i
	}
	return out
}

// feeds are the inputs that s writes: exchanges, and sources that read the topic of a sink.
func (s *Sub) feeds(g *Graph) []*Node {
	feeds := slices.Clone(s.Sends)
	for _, out := range s.Nodes {
		for _, in := range g.Nodes {
			if out.Role == Sink && in.Role == Source && in.Topic == out.Topic {
				feeds = append(feeds, in)
			}
		}
	}
	return feeds
}

// echoes follows what s sends through all sub-topologies, which reader gives by their inputs.
func (s *Sub) echoes(g *Graph, reader func(input *Node) *Sub) (echoes []*Node) {
	reached := map[*Node]bool{}
	for ahead := s.feeds(g); len(ahead) > 0; {
		n := ahead[len(ahead)-1]
		if ahead = ahead[:len(ahead)-1]; reached[n] {
			continue
		}
		reached[n] = true
		if r := reader(n); r != s {
			ahead = append(ahead, r.feeds(g)...)
		}
	}
	for _, in := range s.Inputs {
		if reached[in] {
			echoes = append(echoes, in)
		}
	}
	return echoes
}

// checkKeys holds what is brought together by key against each other: equal keys lie in equal partitions only when they
// are encoded and placed alike.
func (s *Sub) checkKeys(report *Graph) {
	for _, n := range s.Nodes {
		if !n.Matched {
			continue
		}
		var first *Node
		for _, in := range n.In {
			for _, src := range in.origins(nil) {
				switch {
				case first == nil:
					first = src
				case src.KeyCodec != first.KeyCodec:
					report.Mistake(n, "it matches %s, keyed by %s, with %s, keyed by %s: equal keys would not meet; "+
						"use one key codec for both, or KeyBy one of them", first.source(), first.KeyCodec, src.source(), src.KeyCodec)
				case src.Placed != first.Placed:
					report.Mistake(n, "it matches %s, partitioned by %s, with %s, partitioned by %s: equal keys would "+
						"not meet; KeyBy the one with a function of its own", first.source(), first.placement(), src.source(),
						src.placement())
				}
			}
		}
	}
}

func (n *Node) placement() string {
	if n.Placed == "" {
		return "Kafka's default"
	}
	return n.Placed
}

// origins are the sources and exchanges that feed n inside its sub-topology.
func (n *Node) origins(seen []*Node) []*Node {
	if n.Role == Source || n.Role == Exchange {
		return []*Node{n}
	}
	if slices.Contains(seen, n) {
		return nil
	}
	var out []*Node
	for _, in := range n.In {
		out = append(out, in.origins(append(seen, n))...)
	}
	return out
}

// Meet says whether a and b have a source or exchange in common inside their sub-topology.
func Meet(a, b *Node) bool {
	above, below := map[*Node]bool{}, map[*Node]bool{}
	a.climb(above)
	b.climb(below)
	for n := range above {
		if below[n] {
			return true
		}
	}
	return false
}

// Keeps says whether n, or an operator that feeds it inside its sub-topology, has a name, for what it keeps.
func Keeps(n *Node) bool {
	above := map[*Node]bool{}
	n.climb(above)
	for n := range above {
		if n.Role == Operator && n.Name != "" {
			return true
		}
	}
	return false
}

// Passage follows the results of n inside its sub-topology: below are the IDs of the operators and sinks that they
// reach, and alone says that what brings n its records reaches none of these by another way. Sinks of one topic count
// as one.
func (g *Graph) Passage(n *Node) (below []int, alone bool) {
	above := map[*Node]bool{}
	n.climb(above)
	behind, beside := map[*Node]bool{n: true}, map[*Node]bool{} // reached through n, and past it
	for above := range above {
		beside[above] = above.Role == Source || above.Role == Exchange
	}
	topics := map[string]bool{} // that sinks beside n write
	for _, m := range g.Nodes { // inputs come before what they feed
		reached := func(by map[*Node]bool) bool {
			return slices.ContainsFunc(m.In, func(in *Node) bool { return by[in] && (in.Role != Exchange || above[in]) })
		}
		if m == n || above[m] && m.Role == Exchange {
			continue
		}
		behind[m], beside[m] = reached(behind), beside[m] || reached(beside)
		if beside[m] && m.Role == Sink {
			topics[m.Topic] = true
		}
	}
	alone = true
	for _, m := range g.Nodes {
		if m == n || !behind[m] {
			continue
		}
		below = append(below, m.ID)
		if beside[m] || m.Role == Sink && (topics[m.Topic] || len(topics) > 0 && (m.Topic == "" || topics[""])) {
			alone = false
		}
	}
	return below, alone
}

// climb adds n and what feeds it inside its sub-topology to seen.
func (n *Node) climb(seen map[*Node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	if n.Role == Source || n.Role == Exchange {
		return
	}
	for _, in := range n.In {
		in.climb(seen)
	}
}

// source names where a sub-topology's records come from.
func (n *Node) source() string {
	if n.Role == Exchange {
		return n.Label()
	}
	return fmt.Sprintf("topic %q", n.Topic)
}

// PartitionCounts works out how many partitions each sub-topology has, given those of the topics that exist. The
// inputs of one sub-topology must agree; exchanges adopt the count of what they are joined with, else that of the
// widest sub-topology that writes them. The key of the result for exchanges is their full name.
func (g *Graph) PartitionCounts(existing map[string]int32) (perSub []int32, exchanges map[string]int32, err error) {
	subs := g.Split()
	perSub = make([]int32, len(subs))
	for i, s := range subs {
		var at *Node
		if perSub[i], at, err = s.agreed(existing); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", at.Where, err)
		}
	}
	decided := slices.Clone(perSub)
	// The others read only exchanges without a count. Who writes those may be waiting for its own count, but not longer
	// than in as many steps as there are sub-topologies: an exchange is made after what it is written by.
	for range subs {
		for i, s := range subs {
			for j, above := range subs {
				if decided[i] == 0 && above.sendsTo(s) {
					perSub[i] = max(perSub[i], perSub[j])
				}
			}
		}
	}
	exchanges = map[string]int32{}
	for i, s := range subs {
		for _, in := range s.Inputs {
			if in.Role == Exchange {
				exchanges[in.TopicName(g.Name)] = perSub[i]
			}
		}
	}
	return perSub, exchanges, nil
}

func (s *Sub) sendsTo(below *Sub) bool {
	return slices.ContainsFunc(s.Sends, func(x *Node) bool { return slices.Contains(below.Inputs, x) })
}

// checkCounts finds exchanges that meet but ask for different numbers of partitions. Those of topics are known at the
// start only.
func (s *Sub) checkCounts(report *Graph) {
	if _, at, err := s.agreed(nil); err != nil {
		report.Mistake(at, "%w", err)
	}
}

// agreed is the count of the inputs that have one; 0 when none has. An error is about the input at.
func (s *Sub) agreed(existing map[string]int32) (count int32, at *Node, err error) {
	var first *Node
	for _, in := range s.Inputs {
		n := in.Partitions
		if in.Role == Source {
			n = existing[in.Topic]
		}
		switch {
		case n <= 0:
		case first == nil:
			first, count = in, n
		case n != count:
			advice := "give both topics the same number of partitions, or re-partition one with operators.KeyBy"
			if in.Role == Exchange || first.Role == Exchange {
				advice = "ask for the same number of partitions, or for 0 to adopt what is there"
			}
			return 0, in, fmt.Errorf("%s has %d partitions and %s (%s) has %d, but records of both meet in one task: %s",
				in.source(), n, first.source(), first.Where, count, advice)
		}
	}
	return count, nil, nil
}
