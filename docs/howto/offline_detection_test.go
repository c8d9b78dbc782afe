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

var (
	beats = stream.Topic[string, float64]{
		Name: "beats", Key: codec.String, Value: codec.Float64, Disorder: time.Minute, Idle: 2 * time.Minute,
	}
	silent   = stream.Topic[string, time.Time]{Name: "silent", Key: codec.String, Value: codec.Time}
	deadline = state.Map[string, int64]{
		Name: "deadline", Key: codec.String, Value: codec.Int64, TTL: state.TTL{After: 7 * 24 * time.Hour},
	}
)

func offline(t *stream.Topology) {
	stream.To(operators.Process("missed", stream.From(t, beats), missed), silent)
}

func missed(p *operators.Processor[string, time.Time]) operators.Func[string, float64] {
	const patience = 3 * time.Minute
	due := deadline.Open(p)
	p.OnTimer(func(t operators.Timer[string]) error {
		if at, _ := due.Get(t.Key); at == t.At {
			p.Emit(time.UnixMilli(t.At).UTC())
		}
		return nil
	})
	return func(r *stream.Record[string, float64]) error {
		at := r.Time + patience.Milliseconds()
		if last, _ := due.Get(r.Key); at > last {
			due.Put(r.Key, at)
			p.SetTimer(r.Key, "", at)
		}
		return nil
	}
}

func TestOfflineDetection(t *testing.T) {
	t.Parallel()
	topology := stream.New("offline")
	offline(topology)
	d := streamtest.New(t, topology, streamtest.Options{Now: noon})
	in, out := streamtest.Input(d, beats), streamtest.Output(d, silent)
	in.Send("pump", 1, noon.UnixMilli())
	d.AdvanceWall(time.Second)
	d.AdvanceWall(4*time.Minute + 58*time.Second)
	require.Empty(t, out.Read())
	d.AdvanceWall(time.Second) // nothing has come: the clock is two minutes behind the wall
	require.Equal(t, noon.Add(3*time.Minute), out.Read()[0].Value)
}
