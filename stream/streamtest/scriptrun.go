// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
)

// scriptRun is one case at work. It stands in for the testing.TB of its driver, and adds file and line to what is said.
type scriptRun struct {
	testing.TB
	script  *script
	c       *Case
	line    int
	d       *Driver
	times   instants
	readers map[string]func(*instants) ([]string, error)
}

// Fatal implements testing.TB.
func (r *scriptRun) Fatal(args ...any) {
	r.Helper()
	r.TB.Fatalf("%s:%d: %s", r.script.file, r.line, fmt.Sprint(args...))
}

// Fatalf implements testing.TB.
func (r *scriptRun) Fatalf(format string, args ...any) {
	r.Helper()
	r.TB.Fatalf("%s:%d: %s", r.script.file, r.line, fmt.Sprintf(format, args...))
}

func (r *scriptRun) run() {
	r.Helper()
	opts, err := r.options()
	if err != nil {
		r.Fatal(err)
	}
	topology := r.script.build(r, r.c)
	if name, ok := r.c.unused(); ok {
		r.Fatalf("the case has no setting %q; the driver's are %s", name, strings.Join(driverSettings, ", "))
	}
	r.d = New(r, topology, opts)
	r.times.day = r.d.clock.Now().UTC().Truncate(24 * time.Hour)
	r.readers = map[string]func(*instants) ([]string, error){}
	for _, cmd := range r.c.commands {
		r.line = cmd.line
		if err := r.do(cmd); err != nil {
			r.Fatal(err)
		}
		if cmd.ran = true; !Rewriting() && !slices.Equal(cmd.got, cmd.want) {
			r.Errorf("%s:%d: %s\n%sgo test -rewrite takes it over", r.script.file, r.line, cmd.text, differs(cmd.want, cmd.got))
		}
	}
}

// differs shows the results that are not as they should be, in whole.
func differs(want, got []string) string {
	var b strings.Builder
	for _, part := range []struct {
		title string
		lines []string
	}{{"wanted", want}, {"came", got}} {
		fmt.Fprintf(&b, "%s:\n", part.title)
		for _, line := range part.lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		if len(part.lines) == 0 {
			b.WriteString("  (nothing)\n")
		}
	}
	return b.String()
}

// driverSettings are the names that options asks for.
var driverSettings = []string{"partitions", "commit", "batch", "cache", "checkpoint", "seed", "guarantee", "now"}

// options are those of the script, with the case's settings.
func (r *scriptRun) options() (Options, error) {
	o, c := r.script.opts, r.c
	number := func(name string, def int) (int, error) {
		text := c.Setting(name, "")
		if text == "" {
			return def, nil
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			err = fmt.Errorf("%s=%s is no number", name, text)
		}
		return int(n), err
	}
	partitions, err1 := number("partitions", int(o.Partitions))
	batch, err2 := number("batch", o.BatchRecords)
	cache, err3 := number("cache", o.CacheBytes)
	o.Partitions, o.BatchRecords, o.CacheBytes = int32(partitions), batch, cache
	var err4 error
	if seed := c.Setting("seed", ""); seed != "" {
		o.Seed, err4 = strconv.ParseUint(seed, 10, 64)
	}
	var err5, err6, err7, err8 error
	if c.Setting("commit", "") == "manual" {
		o.CommitEvery = manually
	} else {
		o.CommitEvery, err5 = number("commit", o.CommitEvery)
	}
	o.CheckpointInterval, err6 = time.ParseDuration(c.Setting("checkpoint", o.CheckpointInterval.String()))
	switch g := c.Setting("guarantee", ""); g {
	case "":
	case "exactly-once":
		o.Guarantee = stream.ExactlyOnce
	case "at-least-once":
		o.Guarantee = stream.AtLeastOnce
	default:
		err7 = fmt.Errorf("guarantee=%s: it is exactly-once or at-least-once", g)
	}
	if now := c.Setting("now", ""); now != "" {
		var ms int64
		ms, err8 = (&instants{day: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}).parse(now)
		o.Now = time.UnixMilli(ms).UTC()
	}
	return o, errors.Join(err1, err2, err3, err4, err5, err6, err7, err8)
}

// scriptCommands are all there are, with what stands behind them.
var scriptCommands = map[string]string{
	"in": "TOPIC[/PARTITION] [@TIME] KEY VALUE [HEADER=VALUE…]", "advance": "DURATION", "process": "", "commit": "",
	"crash": "STEP", "restart": "[empty]", "rebalance": "", "out": "TOPIC", "store": "NAME [committed]", "drops": "",
	"watch": "[TOPIC…]", "case": "[WORD…] [SETTING=VALUE…]",
}

// do carries out a command and collects its results.
func (r *scriptRun) do(cmd *command) error {
	r.Helper()
	verb, rest := cutField(cmd.text)
	form, ok := scriptCommands[verb]
	if !ok {
		var all []string
		for name := range scriptCommands {
			all = append(all, name)
		}
		slices.Sort(all)
		return fmt.Errorf("there is no command %q; there are %s", verb, strings.Join(all, ", "))
	}
	if form == "" && rest != "" || form != "" && form[0] != '[' && rest == "" {
		return fmt.Errorf("write: %s", strings.TrimSpace(verb+" "+form))
	}
	var err error
	switch verb {
	case "in":
		err = r.in(rest)
	case "advance":
		err = r.advance(rest)
	case "process":
		r.d.Process()
	case "commit":
		r.d.Commit()
	case "crash":
		err = r.crash(rest)
	case "restart":
		err = r.restart(rest)
	case "rebalance":
		r.d.Rebalance()
	case "out":
		cmd.got, err = r.out(cmd, rest)
	case "store":
		cmd.got, err = r.store(rest)
	case "drops":
		cmd.got = r.drops()
	}
	if err != nil {
		return err
	}
	return r.watch(cmd)
}

// in sends a record.
func (r *scriptRun) in(text string) error {
	r.Helper()
	name, text := cutField(text)
	name, part, chosen := strings.Cut(name, "/")
	topic, err := r.script.topic(name)
	if err != nil {
		return err
	}
	rec := textRecord{partition: -1, at: r.d.clock.Now().UnixMilli()}
	if chosen {
		p, err := strconv.ParseInt(part, 10, 32)
		if err != nil || p < 0 {
			return fmt.Errorf("partition %s is no number", part)
		}
		rec.partition = int32(p)
	}
	word, rest, err := cutWord(text)
	if err == nil && strings.HasPrefix(word, "@") {
		if rec.at, err = r.times.parse(word[1:]); err == nil {
			word, rest, err = cutWord(rest)
		}
	} else {
		r.times.wrote(true)
	}
	if err != nil {
		return err
	}
	rec.key = word
	if rec.value, rest, err = cutWord(rest); err != nil {
		return err
	}
	if rec.key == "" || rec.value == "" {
		return fmt.Errorf("write: in %s; null is Kafka's null, and a text with spaces is quoted", scriptCommands["in"])
	}
	for rest != "" {
		var h stream.Header
		if h, rest, err = parseHeader(rest); err != nil {
			return err
		}
		rec.headers = append(rec.headers, h)
	}
	return topic.send(r.d, &rec)
}

func (r *scriptRun) advance(text string) error {
	r.Helper()
	by, err := time.ParseDuration(text)
	if err != nil || by < 0 {
		return fmt.Errorf("%s is no duration to advance the wall clock by: write 500ms, 10m or 1h30m", text)
	}
	r.d.AdvanceWall(by)
	return nil
}

func (r *scriptRun) crash(text string) error {
	r.Helper()
	step := slices.Index(stepNames[:], text)
	if step < 0 {
		return fmt.Errorf("a commit has no step %q; it has %s", text, strings.Join(stepNames[:], ", "))
	}
	r.d.Crash(Step(step))
	return nil
}

func (r *scriptRun) restart(text string) error {
	r.Helper()
	switch text {
	case "":
		r.d.Restart()
	case "empty":
		r.d.RestartEmpty()
	default:
		return fmt.Errorf("write restart, or restart empty to lose the state directory, not restart %s", text)
	}
	return nil
}

// reader is the one reader that the case has of a topic.
func (r *scriptRun) reader(name string) (func(*instants) ([]string, error), error) {
	r.Helper()
	if r.readers[name] == nil {
		topic, err := r.script.topic(name)
		if err != nil {
			return nil, err
		}
		r.readers[name] = topic.reader(r.d)
	}
	return r.readers[name], nil
}

func (r *scriptRun) out(cmd *command, name string) ([]string, error) {
	r.Helper()
	if slices.Contains(cmd.watched, name) {
		return nil, fmt.Errorf("topic %q is watched: its records stand below the commands that they come from", name)
	}
	read, err := r.reader(name)
	if err != nil {
		return nil, err
	}
	r.d.due()
	return read(&r.times)
}

// watch adds what is committed in the watched topics and was not read before.
func (r *scriptRun) watch(cmd *command) error {
	r.Helper()
	for _, name := range cmd.watched {
		read, err := r.reader(name)
		if err != nil {
			return err
		}
		lines, err := read(&r.times)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if line[0] != '/' {
				line = " " + line
			}
			cmd.got = append(cmd.got, name+line)
		}
	}
	return nil
}

func (r *scriptRun) store(text string) (lines []string, err error) {
	r.Helper()
	name, how := cutField(text)
	if how != "" && how != "committed" {
		return nil, fmt.Errorf("write: store %s", scriptCommands["store"])
	}
	l := look{r.d, name, how == "committed"}
	tasks := l.tasks()
	for _, t := range tasks {
		state.Each(storeOf(t, name).Instance, func(key, value any, start int64) bool {
			var line string
			if line, err = r.row(key, value, start); len(tasks) > 1 {
				line = fmt.Sprintf("/%d %s", t.ID.Partition, line)
			}
			lines = append(lines, line)
			return err == nil
		})
		if err != nil {
			return nil, fmt.Errorf("store %q: %w", name, err)
		}
	}
	return lines, nil
}

// row writes a row as records are written: with the start of a window, or the time of a table's row.
func (r *scriptRun) row(key, value any, start int64) (string, error) {
	if v := reflect.ValueOf(value); v.IsValid() && isTimed(v.Type()) {
		value, start = v.FieldByName("Value").Interface(), v.FieldByName("Time").Int()
	}
	k, err := written(key)
	if err != nil {
		return "", err
	}
	v, err := written(value)
	if err != nil {
		return "", err
	}
	if start < 0 {
		return k + " " + v, nil
	}
	return r.times.show(start) + " " + k + " " + v, nil
}

// isTimed says whether a row is one of a table: a stream.Timed of whatever.
func isTimed(t reflect.Type) bool {
	return t.PkgPath() == reflect.TypeFor[stream.Timed[int]]().PkgPath() && strings.HasPrefix(t.Name(), "Timed[")
}

func (r *scriptRun) drops() (lines []string) {
	drops := r.d.Drops()
	reasons := make([]DropReason, 0, len(drops))
	for why := range drops {
		reasons = append(reasons, why)
	}
	slices.SortFunc(reasons, func(a, b DropReason) int {
		return cmp.Or(cmp.Compare(a.Operator, b.Operator), cmp.Compare(a.Reason, b.Reason))
	})
	for _, why := range reasons {
		lines = append(lines, fmt.Sprintf("%s: %s: %d", why.Operator, why.Reason, drops[why]))
	}
	return lines
}
