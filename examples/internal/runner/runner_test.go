// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/embedded"
	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

const partitions = 3

func numbers(name string) stream.Topic[string, int64] {
	return stream.Topic[string, int64]{Name: name, Key: codec.String, Value: codec.Int64}
}

// The program of these tests copies even and odd numbers, fed to topics of their own, to copies, and through a
// repartition topic, by their last digits and with the digits' names from a table, to named. A global table has
// the unit, 1, without which there is none.
var (
	even, odd, copies = numbers("even"), numbers("odd"), numbers("copies")
	names             = stream.Topic[string, string]{Name: "names", Key: codec.String, Value: codec.String}
	units             = stream.Topic[string, int64]{Name: "units", Key: codec.String, Value: slow}
	named             = stream.Topic[string, string]{Name: "named", Key: codec.String, Value: codec.String}
	digits            = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
)

// slow makes each process need a while for the rows of units.
var slow = codec.Func(codec.Int64.Append, func(src []byte) (int64, error) {
	<-time.After(time.Millisecond)
	return codec.Int64.Decode(src)
})

func (k knobs) copyAll(t *stream.Topology) {
	fed := operators.Merge(stream.From(t, even), stream.From(t, odd))
	all := stream.Encode(operators.JoinGlobal(fed, stream.GlobalTableFrom(t, units),
		func(string, int64) (string, bool) { return "one", true },
		func(n, unit int64) int64 { return n * unit }), codec.Int64)
	stream.To(all, copies)
	byDigit := operators.KeyBy("by-digit", all, codec.String, func(n int64) string { return fmt.Sprint(n % 10) })
	stream.To(operators.JoinTable(byDigit, stream.TableFrom(t, names),
		func(n int64, name string) string {
			if k.slow > 0 {
				<-time.After(k.slow)
			}
			return fmt.Sprint(n, " ends with ", name)
		}), named)
}

// knobs are what tests change.
type knobs struct {
	units int           // more rows of units, before the one that is needed, and after a moment
	pause time.Duration // before each number is fed
	slow  time.Duration // behind the repartition topic, for each number
	fail  error         // after the last
	wrong string        // a number that the judge takes to be missing
	fed   *int64        // where the judge writes what it is told; nil: it is no Counter
}

func program(k knobs) runner.Program {
	return runner.Program{
		Name: "copy", Topology: k.copyAll, Records: 100, Noun: "numbers",
		Topics: []runner.Topic{
			runner.TopicOf(even, partitions), runner.TopicOf(odd, partitions), runner.TopicOf(names, 2).Compact(),
			runner.TopicOf(units, 1).Compact(),
			runner.TopicOf(copies, partitions), runner.TopicOf(named, partitions),
		},
		Generate: func(_ uint64, n int64) iter.Seq[runner.Event] { return k.generate(n) },
		Judge: func(_ uint64, n int64) runner.Judge {
			c := counter{judge{n: n, wrong: k.wrong, copies: map[string]int{}, named: map[string]int{}}, k.fed}
			if k.fed == nil {
				return &c.judge
			}
			return &c
		},
	}
}

// generate gives the digits' names, one of which is deleted first, and then the numbers from 1 to n.
func (k knobs) generate(n int64) iter.Seq[runner.Event] {
	return func(yield func(runner.Event) bool) {
		at := time.UnixMilli(1)
		if !yield(runner.Reference(runner.Delete(names, "7", at))) {
			return
		}
		for i, name := range digits {
			if !yield(runner.Reference(runner.Send(names, fmt.Sprint(i), name, at))) {
				return
			}
		}
		if k.units > 0 {
			<-time.After(time.Second)
		}
		for i := range k.units {
			if !yield(runner.Reference(runner.Send(units, fmt.Sprint(i), 0, at))) {
				return
			}
		}
		if !yield(runner.Reference(runner.Send(units, "one", 1, at))) || !yield(runner.Event{}) {
			return
		}
		for i := int64(1); n == 0 || i <= n; i++ {
			if k.pause > 0 {
				<-time.After(k.pause)
			}
			topic := even
			if i%2 == 1 {
				topic = odd
			}
			if !yield(runner.Send(topic, fmt.Sprint(i), i, time.UnixMilli(1000+i))) {
				return
			}
		}
		if k.fail != nil {
			yield(runner.Failed(k.fail))
		}
	}
}

// judge wants each number once in copies and in named.
type judge struct {
	n             int64
	wrong         string
	copies, named map[string]int
}

func (j *judge) Outputs() []runner.Output {
	return []runner.Output{
		runner.Watch(copies, func(r runner.Record[string, int64]) string {
			j.copies[strconv.FormatInt(r.Value, 10)]++
			return ""
		}),
		runner.Watch(named, func(r runner.Record[string, string]) string {
			number, _, _ := strings.Cut(r.Value, " ")
			j.named[number]++
			return r.Value
		}),
	}
}

func (j *judge) Results() any {
	return runner.Table{
		Headers: []string{"topic", "numbers"}, Rows: [][]any{{"copies", len(j.copies)}, {"named", len(j.named)}},
	}
}

func (j *judge) Check() error {
	var found []error
	for i := int64(1); i <= j.n; i++ {
		number := fmt.Sprint(i)
		if j.copies[number] != 1 || j.named[number] != 1 || number == j.wrong {
			found = append(found, fmt.Errorf("%s: %d copies, %d names", number, j.copies[number], j.named[number]))
		}
	}
	return errors.Join(found[:min(len(found), 5)]...)
}

// counter is a judge of as many numbers as there are in the end.
type counter struct {
	judge
	fed *int64
}

func (c *counter) Fed(n int64) { *c.fed, c.n = n, n }

// said is what a program says at its end with -json.
type said struct {
	Records  int64
	Complete bool
	Check    string
	Results  []struct {
		Topic   string
		Numbers int
	}
}

// process is a program that runs.
type process struct {
	stop     context.CancelFunc
	warn     chan string
	progress chan string
	final    chan said
	err      error // once final has given something
}

// Write takes what goes to standard error: a line with each call.
func (p *process) Write(line []byte) (int, error) {
	text := string(line)
	switch {
	case strings.HasPrefix(text, "warning: "):
		p.warn <- text
	case strings.HasPrefix(text, "msg=progress "):
		select {
		case p.progress <- text:
		default: // nobody asks
		}
	}
	return len(line), nil
}

func launch(t *testing.T, brokers []string, n int, k knobs, args ...string) *process {
	ctx, cancel := context.WithCancel(t.Context())
	p := &process{
		stop: cancel, warn: make(chan string, 100), progress: make(chan string), final: make(chan said, 1),
	}
	args = append([]string{"-brokers", brokers[0], "-n", strconv.Itoa(n), "-json", "-v", "-workers", "1"}, args...)
	go func() {
		defer close(p.final)
		var out bytes.Buffer
		var s said
		p.err = runner.Run(ctx, program(k), args, &out, p)
		if out.Len() > 0 {
			p.err = errors.Join(p.err, json.Unmarshal(out.Bytes(), &s))
		}
		p.final <- s
	}()
	return p
}

func (p *process) end(t *testing.T) said {
	t.Helper()
	s := <-p.final
	require.NoError(t, p.err)
	return s
}

func (p *process) requireAll(t *testing.T, n int) {
	t.Helper()
	s := p.end(t)
	require.True(t, s.Complete)
	require.EqualValues(t, n, s.Records)
	require.Equal(t, "ok", s.Check)
	for _, r := range s.Results {
		require.Equal(t, n, r.Numbers, r.Topic)
	}
	require.Len(t, s.Results, 2)
}

// broker is an embedded one that ends with the test.
func broker(t *testing.T) []string {
	b, err := embedded.Start(embedded.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b.Addrs()
}

func TestRunEndsWhenAllIsProcessed(t *testing.T) {
	t.Parallel()
	b := broker(t)
	launch(t, b, 20_000, knobs{}).requireAll(t, 20_000)
	launch(t, b, 20_000, knobs{}).requireAll(t, 20_000) // there is nothing left to do, but something to judge
	launch(t, broker(t), 20_000, knobs{}, "-guarantee", runner.AtLeastOnce).requireAll(t, 20_000)
}

// What is fed is covered by committed offsets long before all of it has come out of the repartition topic.
func TestRunWaitsForWhatIsBetweenOperators(t *testing.T) {
	t.Parallel()
	launch(t, broker(t), 300, knobs{slow: 5 * time.Millisecond}, "-workers", "4").requireAll(t, 300)
	launch(t, broker(t), 300, knobs{slow: 5 * time.Millisecond}, "-guarantee", runner.AtLeastOnce).requireAll(t, 300)
}

// Processing begins when the reference data is there: each process has all of a global table before the first number.
func TestRunFeedsReferenceDataFirst(t *testing.T) {
	t.Parallel()
	launch(t, broker(t), 100, knobs{units: 300}).requireAll(t, 100)
}

// Who asks for more than was fed gets the rest fed, who asks for less has it already, and a judge that is told how much
// there is judges all.
func TestRunGoesOnWhenMoreIsAskedFor(t *testing.T) {
	t.Parallel()
	b := broker(t)
	launch(t, b, 1000, knobs{}).requireAll(t, 1000)
	launch(t, b, 3000, knobs{}).requireAll(t, 3000)
	less := launch(t, b, 2000, knobs{}).end(t)
	require.True(t, less.Complete)
	require.EqualValues(t, 3000, less.Records)
	require.Equal(t, "none", less.Check)
	var fed int64
	launch(t, b, 2000, knobs{fed: &fed}).requireAll(t, 3000)
	require.EqualValues(t, 3000, fed)
}

func TestRunOnKafka(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Start(t, kafkatest.Options{})
	launch(t, kafka.Addrs(), 20_000, knobs{}).requireAll(t, 20_000)
	launch(t, kafka.Addrs(), 20_000, knobs{}).requireAll(t, 20_000)
}

func TestRunTellsDifferences(t *testing.T) {
	t.Parallel()
	p := launch(t, broker(t), 100, knobs{wrong: "42"})
	s := <-p.final
	require.True(t, s.Complete)
	require.Equal(t, "42: 1 copies, 1 names", s.Check)
	require.ErrorContains(t, p.err, "the results are not what the input says:\n42: 1 copies, 1 names")
}

// A person gets a line for each record of named, unless it was there before, and a table.
func TestRunTellsPeople(t *testing.T) {
	t.Parallel()
	b := broker(t)
	for _, n := range []int{8, 9} {
		var out bytes.Buffer
		args := []string{"-brokers", b[0], "-n", strconv.Itoa(n)}
		require.NoError(t, runner.Run(t.Context(), program(knobs{}), args, &out, io.Discard))
		require.Equal(t, n == 8, strings.Contains(out.String(), "8 ends with eight\n"), "%s", &out)
		require.Equal(t, n == 9, strings.Contains(out.String(), "9 ends with nine\n"), "%s", &out)
		require.Regexp(t, fmt.Sprintf(`(?m)^\n%d numbers in \d+\.\d s\n\n`+
			` +topic +numbers\n +copies +%d\n +named +%d\n\nThis is exactly what the input says\.\n\z`, n, n, n), out.String())
	}
}

func TestRunIsInterruptedAndGoesOn(t *testing.T) {
	t.Parallel()
	b := broker(t)
	p := launch(t, b, 3000, knobs{}, "-rate", "1000")
	for fed := int64(0); fed <= 500; {
		fed = fedOf(t, <-p.progress)
	}
	p.stop()
	s := p.end(t)
	require.False(t, s.Complete)
	require.Equal(t, "none", s.Check)
	require.Less(t, s.Records, int64(3000))
	launch(t, b, 3000, knobs{}).requireAll(t, 3000)
}

func TestRunFailsWithItsFeed(t *testing.T) {
	t.Parallel()
	p := launch(t, broker(t), 100, knobs{fail: errors.New("the disk is full")})
	<-p.final
	require.ErrorContains(t, p.err, "the disk is full")
}

// fedOf is the number of records that a line of progress tells of.
func fedOf(t *testing.T, line string) (fed int64) {
	var processed int64
	_, err := fmt.Sscanf(line, "msg=progress processed=%d fed=%d", &processed, &fed)
	require.NoError(t, err)
	return fed
}

// TestFeedIsHandedOver starts a second process, which takes the feed over, and stops that one: the first one takes it
// back. Every number is fed once.
func TestFeedIsHandedOver(t *testing.T) {
	t.Parallel()
	const n = 6_000
	b := broker(t)
	first := launch(t, b, n, knobs{}, "-rate", "1000")
	second := launch(t, b, n, knobs{}, "-rate", "1000")
	var fenced, other *process
	select {
	case w := <-first.warn:
		require.Contains(t, w, "another process feeds from now on, this one watches")
		fenced, other = first, second
	case w := <-second.warn:
		require.Contains(t, w, "another process feeds from now on, this one watches")
		fenced, other = second, first
	case <-time.After(time.Minute):
		t.Fatal("both feed")
	}
	other.stop()
	require.False(t, other.end(t).Complete)
	require.Contains(t, <-fenced.warn, "nobody feeds any more, this process takes over")
	fenced.requireAll(t, n)
}

// TestFeedIsNotTakenFromWhoIsSlow has a process take the feed over that needs longer than others wait for progress, to
// find where it is to go on. They keep waiting.
func TestFeedIsNotTakenFromWhoIsSlow(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes longer than a process waits for progress of the feed")
	}
	const n = 1300
	b := broker(t)
	launch(t, b, 800, knobs{}).requireAll(t, 800)
	watching := launch(t, b, n, knobs{}, "-rate", "100")
	for fed := int64(0); fed <= 800; {
		fed = fedOf(t, <-watching.progress)
	}
	feeding := launch(t, b, n, knobs{pause: 8 * time.Millisecond})
	require.Contains(t, <-watching.warn, "another process feeds from now on, this one watches")
	feeding.requireAll(t, n)
	watching.requireAll(t, n)
	require.Empty(t, watching.warn)
	require.Empty(t, feeding.warn)
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	twice, unknown, flags := program(knobs{}), program(knobs{}), program(knobs{})
	twice.Judge = func(uint64, int64) runner.Judge { return watching{copies, copies} }
	unknown.Judge = func(uint64, int64) runner.Judge { return watching{numbers("elsewhere")} }
	var least int
	flags.Flags = func(set *flag.FlagSet) { set.IntVar(&least, "least", 7, "an own flag") }
	flags.Check = func(f *runner.Flags) error {
		if f.N < int64(least) {
			return fmt.Errorf("-n %d: want at least %d", f.N, least)
		}
		return nil
	}
	for name, c := range map[string]struct {
		p    runner.Program
		args []string
		want string
	}{
		"argument":    {flags, []string{"file"}, `"file": this program takes flags only`},
		"common flag": {twice, []string{"-workers", "0"}, "-workers 0: want at least 1"},
		"own flag":    {flags, []string{"-n", "8", "-least", "9"}, "-n 8: want at least 9"},
		"twice":       {twice, nil, "topic copies: a watched topic must be one of the program's, and watched once"},
		"unknown":     {unknown, nil, "topic elsewhere: a watched topic must be one of the program's"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, runner.Run(t.Context(), c.p, c.args, io.Discard, io.Discard), c.want)
		})
	}
}

// watching watches topics and judges nothing.
type watching []stream.Topic[string, int64]

func (w watching) Outputs() (out []runner.Output) {
	for _, topic := range w {
		out = append(out, runner.Watch(topic, func(runner.Record[string, int64]) string { return "" }))
	}
	return out
}

func (watching) Results() any { return nil }
func (watching) Check() error { return runner.NoOracle }
