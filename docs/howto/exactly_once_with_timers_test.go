// SPDX-License-Identifier: Apache-2.0

package howto

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Ticket is a step in the life of a ticket: it is opened, or answered.
type Ticket struct {
	Answered bool
	At       time.Time
}

func (t Ticket) When() time.Time { return t.At }

const answerWithin = 4 * time.Hour

var (
	tickets = stream.Topic[string, Ticket]{
		Name: "tickets", Key: codec.String, Value: codec.JSON[Ticket](), Time: Ticket.When, Disorder: 30 * time.Second,
	}
	escalations = stream.Topic[string, string]{Name: "escalations", Key: codec.String, Value: codec.String}
	unanswered  = state.Map[string, time.Time]{Name: "unanswered", Key: codec.String, Value: codec.Time}
)

func support(t *stream.Topology) {
	type processor = operators.Processor[string, string]
	overdue := operators.Process("answers", stream.From(t, tickets), func(p *processor) operators.Func[string, Ticket] {
		open := unanswered.Open(p)
		p.OnTimer(func(timer operators.Timer[string]) error {
			if since, ok := open.Get(timer.Key); ok {
				open.Delete(timer.Key)
				p.Emit("not answered since " + since.Format(time.TimeOnly))
			}
			return nil
		})
		return func(r *stream.Record[string, Ticket]) error {
			if r.Value.Answered {
				open.Delete(r.Key)
			} else {
				open.Put(r.Key, r.Value.At)
				p.SetTimer(r.Key, "overdue", r.Value.At.Add(answerWithin).UnixMilli())
			}
			return nil
		}
	})
	stream.To(overdue, escalations)
}

var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

func TestTicketIsEscalatedOnce(t *testing.T) {
	for step := range streamtest.Steps {
		topology := stream.New("support")
		support(topology)
		d := streamtest.New(t, topology, streamtest.Options{CommitEvery: 1000})
		in, out := streamtest.Input(d, tickets), streamtest.Output(d, escalations)
		in.Send("t1", Ticket{At: noon}, 0)
		in.Send("t2", Ticket{At: noon}, 0)
		in.Send("t2", Ticket{At: noon.Add(time.Hour), Answered: true}, 0)
		d.Crash(streamtest.Step(step)) // with the timers set
		in.Send("t3", Ticket{At: noon.Add(answerWithin + 30*time.Second)}, 0)
		d.Crash(streamtest.Step(step)) // with a timer gone off
		got := out.Read()
		require.Len(t, got, 1, "killed at %s", streamtest.Step(step))
		require.Equal(t, "not answered since 12:00:00", got[0].Value)
	}
}
