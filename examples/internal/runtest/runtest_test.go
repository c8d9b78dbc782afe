// SPDX-License-Identifier: Apache-2.0

package runtest_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/examples/internal/runtest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

func TestMain(m *testing.M) { os.Exit(runtest.Main(m, program())) }

var (
	numbers = stream.Topic[string, int64]{Name: "numbers", Key: codec.String, Value: codec.Int64}
	copies  = stream.Topic[string, int64]{Name: "copies", Key: codec.String, Value: codec.Int64}
)

// program copies numbers through a repartition topic. Its judge can be told to want one more than there is.
func program() runner.Program {
	var more int64
	return runner.Program{
		Name: "copy", Records: 1000,
		Topology: func(t *stream.Topology) {
			digit := func(n int64) string { return fmt.Sprint(n % 10) }
			stream.To(operators.KeyBy("by-digit", stream.From(t, numbers), codec.String, digit), copies)
		},
		Topics: []runner.Topic{runner.TopicOf(numbers, 4), runner.TopicOf(copies, 4)},
		Generate: func(_ uint64, n int64) iter.Seq[runner.Event] {
			return func(yield func(runner.Event) bool) {
				for i := int64(1); n == 0 || i <= n; i++ {
					if !yield(runner.Send(numbers, fmt.Sprint(i), i, time.UnixMilli(i))) {
						return
					}
				}
			}
		},
		Flags: func(set *flag.FlagSet) { set.Int64Var(&more, "want-more", 0, "numbers that the judge wants in vain") },
		Judge: func(_ uint64, n int64) runner.Judge { return &judge{n: n + more, seen: map[int64]int{}} },
	}
}

// judge wants each number once.
type judge struct {
	n    int64
	seen map[int64]int
}

func (j *judge) Outputs() []runner.Output {
	return []runner.Output{runner.Watch(copies, func(r runner.Record[string, int64]) string {
		j.seen[r.Value]++
		return ""
	})}
}

func (j *judge) Results() any { return len(j.seen) }

func (j *judge) Check() error {
	var found []error
	for i := int64(1); i <= j.n && len(found) < 5; i++ {
		if j.seen[i] != 1 {
			found = append(found, fmt.Errorf("%d is there %d times", i, j.seen[i]))
		}
	}
	return errors.Join(found...)
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	f := runtest.Embedded(t, "-n", "2000")
	require.EqualValues(t, 2000, f.Records)
	require.Equal(t, "ok", f.Check)
	require.JSONEq(t, "2000", string(f.Results))
	require.Positive(t, f.Seconds)
}

// Wrong results are an exit code for whoever runs the program, and words for who reads what it says.
func TestDifferencesAreAnExitCode(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-n", "100", "-want-more", "2"}, {"-n", "100", "-want-more", "2", "-json"}} {
		p := runtest.Launch(t, args...)
		code, out := p.Exit(t)
		require.Equal(t, 1, code)
		require.Contains(t, p.Log(), "error: the results are not what the input says:\n101 is there 0 times\n102 is")
		if len(args) > 4 {
			var f runtest.Final
			require.NoError(t, json.Unmarshal([]byte(out), &f), "%s", out)
			require.True(t, f.Complete)
			require.Equal(t, "101 is there 0 times\n102 is there 0 times", f.Check)
		}
	}
}

func TestTwoProcessesOneKilled(t *testing.T) {
	t.Parallel()
	runtest.TwoProcessesOneKilled(t, 20_000)
}
