// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// Side is one more output of a Process, with keys and values of types of its own. It is declared before the Process,
// given to it, opened in its build function, and then a stream like any other:
//
//	alerts := operators.Side[string, Alert]{Key: codec.String, Value: codec.JSON[Alert]()}
//	checked := operators.Process("check", payments, func(p *Processor[string, Payment]) Func[string, Payment] {
//		alert := alerts.Open(p.Task)
//		return func(r *stream.Record[string, Payment]) error {
//			if r.Value.Amount > 1000 {
//				alert(&stream.Record[string, Alert]{Key: r.Value.Card, Value: Alert{…}, Time: r.Time, Headers: r.Headers})
//			}
//			p.Emit(r.Value)
//			return nil
//		}
//	}, &alerts)
//	stream.To(alerts.Stream(), alertsTopic)
//
// A record that goes to a side stays in the task that emits it. So where its key is not that of the record in work, put
// the side through Repartition before operators that bring records together by key; stream.To places it by itself.
type Side[K, V any] struct {
	// Key and Value encode what is emitted; Value may be nil as long as nothing has to write it.
	Key   codec.Codec[K]
	Value codec.Codec[V]

	outlet stream.Outlet[K, V]
	op     *stream.Op
}

// SideOutput is a *Side, of whatever types.
type SideOutput interface {
	// attach makes it an output of o, with the times of like.
	attach(o *stream.Op, like stream.Stream[struct{}, struct{}])
}

// attach makes s an output of o.
func (s *Side[K, V]) attach(o *stream.Op, like stream.Stream[struct{}, struct{}]) {
	switch {
	case s.op != nil:
		o.Mistake("a Side is given to two operators, or twice to one; declare one for each")
		return
	case s.Key == nil:
		o.Mistake("a Side has no Key codec")
	}
	s.op = o
	s.outlet = stream.Out(o, like, s.Key, s.Value)
}

// Stream is what is emitted to s. It is there once s has been given to a Process.
func (s *Side[K, V]) Stream() stream.Stream[K, V] { return s.outlet.Stream }

// Open gives the way out in one task. What it is called with goes on as it is: key, time, headers and nulls are the
// caller's to set, and a time before 1970 is an error of the record in work. Call it in the build function.
func (s *Side[K, V]) Open(t *stream.Task) stream.Next[K, V] {
	if !t.Building("Side.Open") {
		return func(*stream.Record[K, V]) {}
	}
	if s.op == nil || !t.Builds(s.op) {
		t.Mistake("it opens a Side that was not given to it: give it to Process, behind the build function")
		return func(*stream.Record[K, V]) {}
	}
	out, label := s.outlet.Open(t), s.op.Label()
	return func(r *stream.Record[K, V]) {
		if r.Time < 0 {
			t.Fail(label, errNegativeTime(r.Time))
			return
		}
		out(r)
	}
}
