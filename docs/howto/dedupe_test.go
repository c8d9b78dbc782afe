// SPDX-License-Identifier: Apache-2.0

package howto

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Transfer is money that leaves an account. Who sends it numbers it, and sends it again until there is an answer.
type Transfer struct {
	Number string
	Cents  int64
	At     time.Time
}

func (t Transfer) When() time.Time { return t.At }
func (t Transfer) ID() string      { return t.Number }

var (
	transfers = stream.Topic[string, Transfer]{ // by account
		Name: "transfers", Key: codec.String, Value: codec.JSON[Transfer](), Time: Transfer.When, Disorder: time.Minute,
	}
	bookings = stream.Topic[string, Transfer]{Name: "bookings", Key: codec.String, Value: codec.JSON[Transfer]()}
)

const sentAgainWithin = 24 * time.Hour

func book(t *stream.Topology) {
	once := operators.Dedupe("once", stream.From(t, transfers), codec.String, Transfer.ID, sentAgainWithin)
	stream.To(once, bookings)
}

func TestTransferIsBookedOnce(t *testing.T) {
	for step := range streamtest.Steps {
		topology := stream.New("bank")
		book(topology)
		d := streamtest.New(t, topology, streamtest.Options{CommitEvery: 1000})
		in, out := streamtest.Input(d, transfers), streamtest.Output(d, bookings)
		rent := Transfer{Number: "7", Cents: 90_000, At: noon}
		in.Send("ann", rent, 0)
		in.Send("ann", rent, 0)
		d.Crash(streamtest.Step(step))
		in.Send("ann", rent, 0)                            // who takes over knows it
		in.Send("bob", rent, 0)                            // another account's number 7
		in.Send("bob", Transfer{Number: "8", At: noon}, 0) // another number
		in.Send("ann", Transfer{"9", 1, noon.Add(23 * time.Hour)}, 0)
		in.Send("ann", rent, 0) // still within the day
		require.Len(t, out.Read(), 4, "killed at %s", streamtest.Step(step))
	}
}

func bookAnyAccount(t *stream.Topology) {
	byNumber := operators.KeyBy("by-number", stream.From(t, transfers), codec.String, Transfer.ID)
	stream.To(operators.Dedupe("once", byNumber, codec.String, Transfer.ID, sentAgainWithin), bookings)
}

func TestTransferIsBookedOnceWhateverTheAccount(t *testing.T) {
	t.Parallel()
	topology := stream.New("bank")
	bookAnyAccount(topology)
	d := streamtest.New(t, topology, streamtest.Options{Partitions: 3})
	in, out := streamtest.Input(d, transfers), streamtest.Output(d, bookings)
	for _, account := range []string{"ann", "bob", "cem", "dan"} {
		in.Send(account, Transfer{Number: "7", At: noon}, 0)
	}
	require.Len(t, out.Read(), 1)
}
