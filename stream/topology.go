// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/irmak-go/irmak/internal/engine"
	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/task"
)

// Topology is a program on streams, while it is written and when it runs. Functions of packages stream and operators
// add to it; none of them fails: mistakes are collected with the line that made them, and Build gives them all.
//
// A Topology is written by one goroutine. Then any goroutine may build it, and any number of Runs may use it.
type Topology struct {
	*shared
	prefix string // of durable names, from Scope
}

// shared is what a topology and its scopes have in common.
type shared struct {
	graph   *graph.Graph
	sources map[*graph.Node]func(*task.Task) task.Input
	globals []task.Global

	mu    sync.Mutex   // held by Build
	built bool         // nothing is added any more
	plan  *engine.Plan // of a topology without mistakes, once built
	err   error
}

// New begins a topology. The name is that of the application: the consumer group, and the prefix of every topic that
// it creates. Two programs on the same brokers share work when, and only when, their topologies have the same name.
func New(name string) *Topology {
	return &Topology{shared: &shared{graph: graph.New(name), sources: map[*graph.Node]func(*task.Task) task.Input{}}}
}

// Name is the application's name.
func (t *Topology) Name() string { return t.graph.Name }

// Scope is the same topology, in which durable names begin with name and a dash: a function that adds operators can
// be used twice.
//
//	regional(t.Scope("eu"), euPayments)
//	regional(t.Scope("us"), usPayments)
func (t *Topology) Scope(name string) *Topology {
	return &Topology{shared: t.shared, prefix: t.prefix + name + "-"}
}

// Describe draws the topology as a tree for each sub-topology, and names every topic that Run will create. Mistakes,
// if there are any, stand at the end. It builds the topology: nothing can be added after it.
func (t *Topology) Describe() string {
	err := t.Build()
	s := t.graph.Describe()
	if err != nil {
		s += "\nmistakes\n  " + strings.ReplaceAll(err.Error(), "\n", "\n  ") + "\n"
	}
	return s
}

// Inputs are the topics that tasks read and whose offsets Run commits: those of From and TableFrom, and those between
// operators, which Run creates. Topics of global tables are not among them: each process reads all of those. When no
// input has a record at or after its committed offset, all work is done. The order is that of the topology. It builds
// the topology; with mistakes in it, some inputs may be missing.
func (t *Topology) Inputs() []string {
	_ = t.Build() // who runs the topology is told
	var topics []string
	for _, sub := range t.graph.Split() {
		for _, topic := range sub.Topics(t.graph.Name) {
			if !slices.Contains(topics, topic) {
				topics = append(topics, topic)
			}
		}
	}
	return topics
}

// Build checks everything that can be known without a broker. It returns all mistakes, joined, each with the file and
// line of the call that made it. Run builds too; calling Build in a test shows mistakes early. After it nothing can be
// added.
//
// Build opens a task of each sub-topology once, in memory, to learn which stores its operators open: the build
// functions given to operators.Process and Attach are called with it, but no record is processed.
func (t *Topology) Build() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.built {
		return t.err
	}
	t.built = true
	if t.err = errors.Join(takeStrays(), t.build()); t.err != nil {
		t.err = fmt.Errorf("topology %s: %w", t.graph.Name, t.err)
	}
	return t.err
}

// add puts a node into the graph, with the place in the user's program that asked for it.
func (t *Topology) add(n *graph.Node) *graph.Node {
	n.Where = caller()
	if n.Name != "" {
		n.Name = t.prefix + n.Name
	}
	if t.built {
		t.err = errors.Join(t.err, fmt.Errorf("%s: %s is added after the topology was built", n.Where, n.Label()))
		return n
	}
	return t.graph.Add(n)
}

// strays are mistakes that belong to no topology, for a zero Stream knows of none. The next Build returns them,
// whatever its topology: the program that made them must not go on as if nothing was wrong.
var strays struct {
	mu   sync.Mutex
	errs []error
}

// astray reports a stray mistake and gives a topology that takes what follows from it, and is never built.
func astray(kind, text string) *Topology {
	strays.mu.Lock()
	defer strays.mu.Unlock()
	strays.errs = append(strays.errs, fmt.Errorf("%s: %s: %s", caller(), kind, text))
	return New("astray")
}

func takeStrays() error {
	strays.mu.Lock()
	defer strays.mu.Unlock()
	err := errors.Join(strays.errs...)
	strays.errs = nil
	return err
}

// ours are the packages whose frames caller passes over.
var ours = []string{"github.com/irmak-go/irmak/stream.", "github.com/irmak-go/irmak/operators."}

// maxFrames bounds the walk up the stack.
const maxFrames = 32

// caller is file:line of the innermost frame outside of this library.
func caller() string {
	var pcs [maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		inside := false
		for _, prefix := range ours {
			inside = inside || strings.HasPrefix(f.Function, prefix)
		}
		if !inside || strings.HasSuffix(f.File, "_test.go") {
			return fmt.Sprintf("%s:%d", graph.ShortFile(f.File), f.Line)
		}
		if !more {
			return "unknown place"
		}
	}
}
