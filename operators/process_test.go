// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

type (
	processor = operators.Processor[string, string]
	function  = operators.Func[string, string]
	texts     = stream.Stream[string, string]
	text      = stream.Record[string, string]
)

// process is a topology of one Process from words to lines.
func process(build func(p *processor) function) func(texts) texts {
	return func(in texts) texts {
		return stream.Encode(operators.Process("p", in, build), codec.String)
	}
}

var errBad = errors.New("bad value")

// failing emits each value and then fails for some: what was emitted and stored before the failure stays under Skip.
func failing(p *processor) function {
	n := state.Map[string, int64]{Name: "n", Key: codec.String, Value: codec.Int64}.Open(p)
	return func(r *text) error {
		count, _ := n.Upsert(r.Key)
		*count++
		p.Emit(r.Value + "1")
		switch r.Value {
		case "error":
			return errBad
		case "panic":
			panic(errBad)
		}
		p.Emit(r.Value + "2")
		return nil
	}
}

func TestErrorsInProcess(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"error", "panic"} {
		var failure error
		_, in, out := run(t, streamtest.Options{Expect: func(err error) { failure = err }}, process(failing))
		in.Send("k", "x", 0)
		in.Send("k", how, 1)
		var r *stream.RecordError
		require.ErrorAs(t, failure, &r)
		require.ErrorIs(t, failure, errBad)
		require.Equal(t, stream.RecordError{Topic: "words", Offset: 1, Phase: r.Phase, Operator: r.Operator, Err: r.Err}, *r)
		require.Equal(t, "process", r.Phase.String())
		if how == "error" {
			require.Equal(t, `process "p"`, r.Operator)
			require.Contains(t, failure.Error(), `record words/0@1: process "p": bad value`)
		} else {
			var p *stream.PanicError
			require.ErrorAs(t, failure, &p)
			require.Contains(t, p.Stack, "operators_test.failing")
			require.Regexp(t, `^record words/0@1: panic at operators/process_test.go:\d+: bad value\n`, failure.Error())
		}
		require.Equal(t, "k x1 @0, k x2 @0", show(out.Read()), "what the failed record did is not committed")

		skip := stream.Policies{Process: stream.Policy{Action: stream.Skip}}
		d, in, out := run(t, streamtest.Options{Errors: skip, CommitEvery: 10}, process(failing))
		for i, v := range []string{"x", how, "y"} {
			in.Send("k", v, int64(i))
		}
		require.Equal(t, "k x1 @0, k x2 @0, k "+how+"1 @1, k y1 @2, k y2 @2", show(out.Read()))
		require.Equal(t, map[streamtest.DropReason]uint64{{Operator: r.Operator, Reason: "process error"}: 1}, d.Drops())
	}
}

// Times before 1970 never leave an operator: no broker would take them.
func TestEmitBefore1970(t *testing.T) {
	t.Parallel()
	for _, emit := range []func(p *processor){
		func(p *processor) { p.EmitAt("x", -1) },
		func(p *processor) { p.EmitFor("k", "x", -1) },
	} {
		var failure error
		_, in, _ := run(t, streamtest.Options{Expect: func(err error) { failure = err }},
			process(func(p *processor) function { return func(*text) error { emit(p); return nil } }))
		in.Send("k", "v", 5)
		require.ErrorContains(t, failure, `process "p": event time -1 ms lies before 1970`)
	}
}

// Mistakes in the use of a Processor are found by Build where they are made while building, and stop the program where
// they are made later: state that no plan knows of must not come into being.
func TestMisuseOfAProcessor(t *testing.T) {
	t.Parallel()
	store := state.Map[string, string]{Name: "late", Key: codec.String, Value: codec.String}
	skip := stream.Policies{Process: stream.Policy{Action: stream.Skip}}
	for name, c := range map[string]struct {
		use  func(p *processor)
		want string
	}{
		"store":    {func(p *processor) { store.Open(p) }, `store "late" is opened while records are processed`},
		"every":    {func(p *processor) { p.Every(1e9, nil) }, "Every is called while records are processed"},
		"wall":     {func(p *processor) { p.EveryWall(1e9, nil) }, "EveryWall is called while records are processed"},
		"on timer": {func(p *processor) { p.OnTimer(nil) }, "OnTimer is called while records are processed"},
		"clock":    {func(p *processor) { p.Clock(0, nil) }, "Clock is called while records are processed"},
		"commit":   {func(p *processor) { p.BeforeCommit(nil) }, "BeforeCommit is called while records are processed"},
		"on wall":  {func(p *processor) { p.OnWall(nil) }, "OnWall is called while records are processed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var failure error
			_, in, _ := run(t, streamtest.Options{Expect: func(err error) { failure = err }, Errors: skip},
				process(func(p *processor) function { return func(*text) error { c.use(p); return nil } }))
			in.Send("k", "v", 5)
			require.ErrorContains(t, failure, c.want)
			require.ErrorContains(t, failure, "build function")
		})
	}
	t.Run("timer without function", func(t *testing.T) {
		t.Parallel()
		var failure error
		_, in, _ := run(t, streamtest.Options{Expect: func(err error) { failure = err }},
			process(func(p *processor) function {
				return func(r *text) error { p.SetTimer(r.Key, "", 1); return nil }
			}))
		in.Send("k", "v", 5)
		require.ErrorContains(t, failure, "SetTimer without OnTimer")
	})
}

// Build finds what is wrong with the build function, with the line of the call to Process.
func TestMistakesInABuildFunction(t *testing.T) {
	t.Parallel()
	store := state.Map[string, string]{Name: "twice", Key: codec.String, Value: codec.String}
	topo := stream.New("test")
	in := stream.From(topo, words)
	use := func(name string, f func(p *processor)) {
		operators.Process(name, in, func(p *processor) function { f(p); return func(*text) error { return nil } })
	}
	use("a", func(p *processor) { p.Every(1e3, nil) })
	use("b", func(p *processor) { p.OnTimer(func(operators.Timer[string]) error { return nil }); p.OnTimer(nil) })
	use("c", func(p *processor) { store.Open(p); store.Open(p) })
	use("d", func(*processor) { panic("no build today") })
	use("", func(*processor) {})
	operators.Process("e", in, func(*processor) function { return nil })
	use("f", func(p *processor) { p.Clock(0, nil) })
	use("g", func(p *processor) { p.EveryWall(0, nil) })
	err := topo.Build()
	for _, want := range []string{
		`process "a": Every needs an interval of at least a millisecond`,
		`process "b": OnTimer is called twice`,
		`process "c": it opens the store "twice" twice`,
		`process "d": the build function panicked at operators/process_test.go:`,
		`process: it needs a name`,
		`process "e": the build function gave no function`,
		`process "f": it has a clock already`,
		`process "g": EveryWall needs an interval of at least a millisecond`,
	} {
		require.ErrorContains(t, err, want)
		require.Regexp(t, `operators/process_test.go:\d+: `+want[:7], err.Error())
	}
}
