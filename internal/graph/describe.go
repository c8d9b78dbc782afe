// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"strings"
)

// Describe draws the graph as a tree per sub-topology, and names every topic that the engine will create.
func (g *Graph) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "topology %s\n", g.Name)
	subs := g.Split()
	children := map[*Node][]*Node{}
	for _, n := range g.Nodes {
		for i, in := range n.In {
			if i > 0 && n.In[i-1] == in {
				continue
			}
			children[in] = append(children[in], n)
		}
	}
	drawn := map[*Node]bool{}
	for _, s := range subs {
		fmt.Fprintf(&b, "\nsub-topology %d\n", s.Index)
		for _, in := range s.Inputs {
			g.draw(&b, in, children, drawn, "  ", "")
		}
	}
	if topics := g.internalTopics(subs); len(topics) > 0 {
		b.WriteString("\ntopics it creates\n")
		for _, t := range topics {
			fmt.Fprintf(&b, "  %s\n", t)
		}
	}
	return b.String()
}

func (g *Graph) internalTopics(subs []*Sub) []string {
	var topics []string
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

func (g *Graph) draw(b *strings.Builder, n *Node, children map[*Node][]*Node, drawn map[*Node]bool, first, rest string) {
	fmt.Fprintf(b, "%s%s\n", first, g.line(n, drawn[n]))
	if drawn[n] {
		return
	}
	drawn[n] = true
	if rest == "" {
		rest = "  "
	}
	for i, c := range children[n] {
		branch, below := "├─ ", "│  "
		if i == len(children[n])-1 {
			branch, below = "└─ ", "   "
		}
		if c.Role == Exchange { // the other side of it stands under its own sub-topology
			fmt.Fprintf(b, "%s%s%s %q → topic %s\n", rest, branch, c.Kind, c.Name, c.TopicName(g.Name))
			continue
		}
		g.draw(b, c, children, drawn, rest+branch, rest+below)
	}
}

func (g *Graph) line(n *Node, again bool) string {
	var b strings.Builder
	b.WriteString(n.Kind)
	if n.Name != "" {
		fmt.Fprintf(&b, " %q", n.Name)
	}
	switch n.Role {
	case Source, Exchange:
		fmt.Fprintf(&b, " ← topic %s", n.TopicName(g.Name))
	case Sink:
		topic := n.Topic
		if topic == "" {
			topic = "(chosen per record)"
		}
		fmt.Fprintf(&b, " → topic %s", topic)
	case Operator:
	}
	if len(n.Stores) > 0 && !again {
		fmt.Fprintf(&b, "  [store %s]", strings.Join(n.Stores, ", "))
	}
	if again {
		b.WriteString("  (above)")
	}
	return b.String()
}
