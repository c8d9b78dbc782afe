// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// Process is the operator for what the others cannot say: a function of your own for each record, with stores and
// timers. build is called once per task; there it opens what the function needs, and gives the function.
//
//	var seen = state.Map[string, time.Time]{Name: "seen", Key: codec.String, Value: codec.Time}
//
//	fresh := operators.Process("dedup", orders, func(p *Processor[string, Order]) Func[string, Order] {
//		seen := seen.Open(p)
//		return func(r *stream.Record[string, Order]) error {
//			if seen.Has(r.Value.ID) {
//				return nil
//			}
//			seen.Put(r.Value.ID, r.When())
//			p.Emit(r.Value)
//			return nil
//		}
//	})
//
// An error that the function returns is the record's: the process policy decides. Records without a key or with a null
// value are given to the function too, flagged.
//
// The key is read only: results keep the key of the record, or of the timer, that made them, so the result is
// partitioned as in is, and no topic is put between. Results of other types, or under other keys, go to sides: see
// [Side].
func Process[K comparable, V, R any](name string, in stream.Stream[K, V],
	build func(p *Processor[K, R]) Func[K, V], sides ...SideOutput) stream.Stream[K, R] {
	o := stream.NewOp(in.Topology(), "process", name)
	like := stream.Out(o, in, codec.Codec[struct{}](nil), codec.Codec[struct{}](nil)).Stream
	for _, s := range sides {
		s.attach(o, like)
	}
	return stream.Attach(o, in, nil, func(t *stream.Task, out stream.Next[K, R]) stream.Next[K, V] {
		p := &Processor[K, R]{Task: t, label: o.Label(), name: name, out: out, keys: in.KeyCodec()}
		p.clock = t.Clock(in.Idle(), p.clockMoved)
		p.onClock.call, p.onWall.call, p.callTicks = p.timer, p.wallTimer, p.tick
		f := build(p)
		if f == nil {
			return nil
		}
		disorder := in.Disorder()
		return func(r *stream.Record[K, V]) {
			p.onWall.finish()
			p.onClock.finish()
			p.clock.Advance(r.Time - disorder)
			p.begin(r.Key, r.NullKey, r.Time, r.Headers)
			if err := f(r); err != nil {
				t.Fail(p.label, err)
			}
			if p.watches && !t.Failed() {
				p.clockMoved()
			}
		}
	})
}

// Func is called for each record of a Process.
type Func[K, V any] func(r *stream.Record[K, V]) error

// Processor is a Process in one task: what its function works with. Those of Task's methods that are meant for build
// functions are for the build function of Process.
type Processor[K comparable, R any] struct {
	*stream.Task
	label string
	name  string
	clock *stream.Clock
	out   stream.Next[K, R]
	keys  codec.Codec[K]
	rec   stream.Record[K, R] // what the next Emit gives
	schedule[K]
}

// begin makes key, time and headers those of what Emit gives.
func (p *Processor[K, R]) begin(key K, nullKey bool, at int64, headers []stream.Header) {
	p.rec = stream.Record[K, R]{Key: key, NullKey: nullKey, Time: at, Headers: headers}
}

// Emit sends v on, with key, time and headers of the record, or key and time of the timer, in work. From a periodic
// function there is no key: use EmitFor.
func (p *Processor[K, R]) Emit(v R) {
	p.rec.Value = v
	p.out(&p.rec)
}

// EmitAt is Emit with an event time of its own, in milliseconds, and no headers.
func (p *Processor[K, R]) EmitAt(v R, at int64) {
	p.send(stream.Record[K, R]{Key: p.rec.Key, NullKey: p.rec.NullKey, Value: v, Time: at})
}

// EmitFor sends v on under a key that lives in this task, such as one that a scan of a store gave. A key of another
// partition would be out of place downstream.
func (p *Processor[K, R]) EmitFor(key K, v R, at int64) {
	p.send(stream.Record[K, R]{Key: key, Value: v, Time: at})
}

// EmitRecord sends r on as it is, with time, headers and nulls of the caller's choice; its key is one that lives in
// this task, as with EmitFor. r may be the record in work or a copy of it; it is not kept.
func (p *Processor[K, R]) EmitRecord(r *stream.Record[K, R]) { p.send(*r) }

func (p *Processor[K, R]) send(r stream.Record[K, R]) {
	if r.Time < 0 {
		p.Fail(p.label, errNegativeTime(r.Time))
		return
	}
	before := p.rec
	p.rec = r // it is sent from where it need not be allocated
	p.out(&p.rec)
	p.rec = before
}

// Now is the operator's clock, in milliseconds of event time: the highest time of its records, less the disorder of
// their topic. The wall time is Wall.
func (p *Processor[K, R]) Now() int64 { return p.clock.Now() }
