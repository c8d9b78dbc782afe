// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"strings"
)

// Describe draws the graph as trees, one or more for each sub-topology, and names every topic that the engine will
// create. What has several inputs is drawn below the first of them, and referred to below the others.
func (g *Graph) Describe() string {
	subs := g.Split()
	d := drawing{app: g.Name, users: map[*Node][]*Node{}, drawn: map[*Node]bool{}}
	for _, n := range g.Nodes {
		for i, in := range n.In {
			if i == 0 || n.In[i-1] != in {
				d.users[in] = append(d.users[in], n)
			}
		}
	}
	fmt.Fprintf(&d.text, "topology %s\n", g.Name)
	for _, n := range g.Nodes {
		if n.Role == Global {
			fmt.Fprintf(&d.text, "\nglobal table, a copy in each process, of %s\n", n.Topic)
		}
	}
	for _, s := range subs {
		fmt.Fprintf(&d.text, "\nsub-topology %d: a task for each partition of %s\n", s.Index,
			strings.Join(s.Topics(g.Name), ", "))
		for _, in := range s.Inputs {
			d.text.WriteString("  " + d.head(in))
			d.below(in, "  ")
		}
	}
	if topics := g.created(subs); len(topics) > 0 {
		fmt.Fprintf(&d.text, "\ntopics it creates\n  %s\n", strings.Join(topics, "\n  "))
	}
	return d.text.String()
}

// created are the topics between operators and behind stores.
func (g *Graph) created(subs []*Sub) (topics []string) {
	for _, s := range subs {
		for _, n := range s.Nodes {
			if n.Role == Exchange {
				topics = append(topics, n.TopicName(g.Name))
			}
			for _, store := range n.Stores {
				topics = append(topics, ChangelogName(g.Name, store))
			}
		}
	}
	return topics
}

// drawing is a graph that is being drawn.
type drawing struct {
	app   string
	text  strings.Builder
	users map[*Node][]*Node // who takes a node's records
	drawn map[*Node]bool
}

// below draws what takes the records of n. indent stands before each line of it.
func (d *drawing) below(n *Node, indent string) {
	for i, user := range d.users[n] {
		branch, further := "├─ ", "│  "
		if i == len(d.users[n])-1 {
			branch, further = "└─ ", "   "
		}
		d.text.WriteString(indent + branch)
		switch {
		case user.Role == Exchange: // its lower side is an input of another sub-topology
			fmt.Fprintf(&d.text, "%s → topic %s\n", user.Label(), user.TopicName(d.app))
		case d.drawn[user]:
			d.text.WriteString(user.Label() + "  (above)\n")
		default:
			d.drawn[user] = true
			d.text.WriteString(d.head(user))
			d.below(user, indent+further)
		}
	}
}

// head is the line of n itself.
func (d *drawing) head(n *Node) string {
	s := n.Label()
	switch n.Role {
	case Source, Exchange:
		s += " ← topic " + n.TopicName(d.app)
	case Sink:
		s += " → topic " + n.TopicName(d.app)
		if n.Topic == "" {
			s += "(chosen per record)"
		}
	case Operator, Global:
	}
	if len(n.Globals) > 0 {
		s += "  [global table " + strings.Join(n.Globals, ", ") + "]"
	}
	if len(n.Stores) > 0 {
		s += "  [store " + strings.Join(n.Stores, ", ") + "]"
	}
	return s + "\n"
}
