// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"strings"
	"testing"
	"time"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// scripted is a case of testdata/*.txt. Its topics words and other go in; lines, rest and numbers come out.
//
// Settings of all cases: nulls=pass has both pass null values on, idle and disorder are those of both, history makes
// versioned tables of them. All lengths of time are in milliseconds.
type scripted struct {
	*streamtest.Case
	tb   testing.TB
	topo *stream.Topology
}

// verbs are the topologies of the cases: the first word of one names the operator that it is about, the others tell
// what it shows. An operator has a file of its own, called after it.
var verbs = []map[string]func(s *scripted){
	recordVerbs, processVerbs, foldVerbs, readyFoldVerbs, joinVerbs, tableVerbs, tableJoinVerbs,
}

// scriptNumbers is a topic whose values are no texts.
var scriptNumbers = stream.Topic[string, int64]{Name: "numbers", Key: codec.String, Value: codec.Int64}

// TestScripts runs testdata/*.txt.
func TestScripts(t *testing.T) {
	t.Parallel()
	build := func(tb testing.TB, c *streamtest.Case) *stream.Topology {
		s := &scripted{c, tb, stream.New("test")}
		name, _, _ := strings.Cut(c.Name, " ")
		for _, family := range verbs {
			if f := family[name]; f != nil {
				f(s)
				return s.topo
			}
		}
		tb.Fatalf("there is no topology called %q", name)
		return nil
	}
	streamtest.Cases(t, "testdata/*.txt", build, streamtest.Texts(words), streamtest.Texts(other), streamtest.Texts(lines),
		streamtest.Texts(rest), streamtest.Texts(scriptNumbers))
}

// topic is one of words and other with the settings of the case.
func (s *scripted) topic(t stream.Topic[string, string]) stream.Topic[string, string] {
	t.NullValues = s.Setting("nulls", "drop") == "pass"
	t.Idle, t.Disorder = s.millis("idle", "0"), s.millis("disorder", "0")
	return t
}

func (s *scripted) words() texts { return stream.From(s.topo, s.topic(words)) }
func (s *scripted) other() texts { return stream.From(s.topo, s.topic(other)) }

// tables are words and other as tables.
func (s *scripted) tables() (left, right table) { return s.table(words), s.table(other) }

func (s *scripted) table(t stream.Topic[string, string]) table {
	if history := s.millis("history", "0"); history > 0 {
		return stream.VersionedTableFrom(s.topo, s.topic(t), history)
	}
	return stream.TableFrom(s.topo, s.topic(t))
}

// is says whether a setting of the case has a value; def is what it is when it is not there.
func (s *scripted) is(setting, value, def string) bool { return s.Setting(setting, def) == value }

func (s *scripted) millis(setting, def string) time.Duration {
	s.tb.Helper()
	return milliseconds(s.tb, s.Setting(setting, def))
}

func (s *scripted) to(out texts)     { stream.To(stream.Encode(out, codec.String), lines) }
func (s *scripted) toRest(out texts) { stream.To(stream.Encode(out, codec.String), rest) }

// withRow and orNothing say what was joined.
func withRow(v, row string) string { return v + "+" + row }

func orNothing(v, row string, ok bool) string { return pair(v, true, row, ok) }
