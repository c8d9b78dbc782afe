// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// GlobalTable is a topic of which every process has a full copy: the newest value per key, by arrival. It can be looked
// up by any key, so what is joined with it need not be partitioned like it. It is meant for data that every task needs
// and that is small beside the streams: rates, countries, devices.
type GlobalTable[K comparable, V any] struct {
	t     *Topology
	node  *graph.Node // nil in the zero value
	topic Topic[K, V]
}

// GlobalTableFrom keeps a copy of a topic, all of its partitions, in each process. A null value deletes, and records
// without a key are dropped and counted; what cannot be decoded is subject to the decode policy, where Park is Fail.
//
// Before the first record of any stream is processed the copy has everything that the topic holds; then it follows the
// topic, by itself: an update is seen as soon as it is fetched, by records of whatever time, and by one that is
// processed again after a failure perhaps as the first time it was not. Only what is committed is read. The copy lies
// in the state directory with its position, so that a restart reads only what is new; when the topic was made anew, or
// the copy is so old that the topic may have forgotten deletes, it is built again. Partitions that are added while the
// program runs are read from its next start on.
func GlobalTableFrom[K comparable, V any](t *Topology, topic Topic[K, V]) GlobalTable[K, V] {
	if t == nil {
		t = astray("global table from", "there is no topology; begin with stream.New")
	}
	o := newOp(t, &graph.Node{Role: graph.Global, Kind: "global table from", Topic: topic.Name})
	if err := topic.check(); err != nil {
		o.Mistake("%w", err)
	}
	g := GlobalTable[K, V]{t: o.t, node: o.node, topic: topic}
	if !o.t.built {
		o.t.globals = append(o.t.globals, task.Global{
			Topic: topic.Name, Label: fmt.Sprintf("%s %q", o.node.Kind, topic.Name), Decode: g.decode,
		})
	}
	return g
}

// decode implements task.Global.
func (g GlobalTable[K, V]) decode(dst []byte, r *kafka.Record, at int64) ([]byte, int64, error) {
	k, err := g.topic.Key.Decode(r.Key)
	if err != nil {
		return dst, 0, fmt.Errorf("key of %d bytes: %w", len(r.Key), err)
	}
	if dst, err = g.topic.Key.Append(dst, k); err != nil { // keys that are equal may have come in different bytes
		return dst, 0, fmt.Errorf("key: %w", err)
	}
	if r.Value != nil {
		v, err := g.topic.Value.Decode(r.Value)
		if err != nil {
			return dst, 0, fmt.Errorf("value of %d bytes: %w", len(r.Value), err)
		}
		if g.topic.Time != nil {
			at = g.topic.Time(v).UnixMilli()
		}
	}
	if err := checkTime(at); err != nil {
		return dst, 0, err
	}
	return dst, at, nil
}

// KeyCodec is the codec of the table's keys.
func (g GlobalTable[K, V]) KeyCodec() codec.Codec[K] { return g.topic.Key }

// ValueCodec is the codec of the table's values.
func (g GlobalTable[K, V]) ValueCodec() codec.Codec[V] { return g.topic.Value }

// Open gives the table's rows, as they are at the moment of each Get, in a task. It is called in an operator's build
// function.
func (g GlobalTable[K, V]) Open(t *Task) Reader[K, V] {
	if !t.Building("GlobalTable.Open") {
		return nothing[K, V]{}
	}
	switch {
	case g.node == nil:
		t.Mistake("it looks into the zero GlobalTable; begin with stream.GlobalTableFrom")
		return nothing[K, V]{}
	case g.t.shared != t.op.t.shared:
		t.Mistake("it looks into a global table of topology %q, not of %q", g.t.Name(), t.op.t.Name())
		return nothing[K, V]{}
	}
	if t.planner != nil {
		t.planner.looks(t.op.node, g.topic.Name)
	}
	return t.inner.Memo(g.node, func() any {
		v := state.NewView(t.inner.Copy(g.topic.Name), g.topic.Key, g.topic.Value, t.inner.Abort)
		t.inner.Watch(v)
		return v
	}).(*state.View[K, V])
}

// nothing is a table without rows.
type nothing[K comparable, V any] struct{}

// Get implements Reader.
func (nothing[K, V]) Get(K) (v V, at int64, ok bool) { return v, 0, false }
