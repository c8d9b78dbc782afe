// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// What a build function sees of a store is from before the restore, and the cache would keep it.
func TestStoreUsedWhileItsOperatorIsBuilt(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*state.MapStore[string, string]){
		"read":   func(m *state.MapStore[string, string]) { m.Get("a") },
		"asked":  func(m *state.MapStore[string, string]) { m.Has("a") },
		"change": func(m *state.MapStore[string, string]) { m.Put("a", "b") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topo := stream.New("test")
			rows := state.Map[string, string]{Name: "rows", Key: codec.String, Value: codec.String}
			open := func(p *operators.Processor[string, string]) operators.Func[string, string] {
				use(rows.Open(p))
				return func(*stream.Record[string, string]) error { return nil }
			}
			operators.Process("early", stream.From(topo, topicOf("in")), open)
			err := topo.Build()
			require.ErrorContains(t, err, `process "early": store "rows" is used while its operator is built`)
			require.ErrorContains(t, err, "use it in the function that build returns")
		})
	}
}
