// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// strings to strings is all that the operators of one record need.
var (
	words = stream.Topic[string, string]{Name: "words", Key: codec.String, Value: codec.String}
	other = stream.Topic[string, string]{Name: "other", Key: codec.String, Value: codec.String}
	lines = stream.Topic[string, string]{Name: "lines", Key: codec.String, Value: codec.String}
	rest  = stream.Topic[string, string]{Name: "rest", Key: codec.String, Value: codec.String}
)

// show writes records as "key value @time", a null as ∅.
func show[K, V any](records []streamtest.Record[K, V]) string {
	var out []string
	for _, r := range records {
		key, value := fmt.Sprint(r.Key), fmt.Sprint(r.Value)
		if r.NullKey {
			key = "∅"
		}
		if r.NullValue {
			value = "∅"
		}
		out = append(out, fmt.Sprintf("%s %s @%d", key, value, r.Time))
	}
	return strings.Join(out, ", ")
}

// run builds a topology from words to lines and gives both ends.
func run(t *testing.T, opts streamtest.Options, build func(texts) texts) (
	*streamtest.Driver, *streamtest.In[string, string], *streamtest.Out[string, string]) {
	t.Helper()
	topo := stream.New("test")
	stream.To(build(stream.From(topo, words)), lines)
	d := streamtest.New(t, topo, opts)
	return d, streamtest.Input(d, words), streamtest.Output(d, lines)
}

func TestErrorPolicies(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	build := func(in texts) texts {
		return operators.Map(in, func(v string) string {
			if v == "bad" {
				panic(boom)
			}
			return v
		})
	}
	t.Run("fail", func(t *testing.T) {
		t.Parallel()
		var got error
		_, in, _ := run(t, streamtest.Options{Expect: func(err error) { got = err }}, build)
		in.Send("a", "x", 1)
		in.Send("a", "bad", 2)
		var r *stream.RecordError
		require.ErrorAs(t, got, &r)
		require.Equal(t, "words", r.Topic)
		require.EqualValues(t, 1, r.Offset)
		require.ErrorIs(t, got, boom)
	})
	t.Run("skip", func(t *testing.T) {
		t.Parallel()
		_, in, out := run(t, streamtest.Options{Errors: policies(stream.Skip)}, build)
		for i, v := range []string{"x", "bad", "y"} {
			in.Send("a", v, int64(i))
		}
		require.Equal(t, "a x @0, a y @2", show(out.Read()))
	})
	t.Run("dead letter", func(t *testing.T) {
		t.Parallel()
		d, in, out := run(t, streamtest.Options{Errors: policies(stream.DeadLetter)}, build)
		for i, v := range []string{"x", "bad", "y"} {
			in.Send("a", v, int64(i))
		}
		require.Equal(t, "a x @0, a y @2", show(out.Read()))
		dead := words
		dead.Name = "test-dead-letters"
		letters := streamtest.Output(d, dead).Read()
		require.Equal(t, "a bad @1", show(letters))
		require.Contains(t, fmt.Sprint(letters[0].Headers), "irmak.offset")
	})
}
