// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"fmt"
	"strings"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/stream"
)

// Texts has scripts name a topic. Keys and values that are strings, bytes, or marshal themselves as text (as time.Time
// does) are written as their text, quoted where it has spaces; all others as JSON of the Go type, whatever their codec
// makes of them in the topic.
func Texts[K, V any](topic stream.Topic[K, V]) ScriptPart {
	return &textTopic[K, V]{topic: topic, show: func(v V) (string, error) { return written(v) }}
}

// TextsAs is Texts for a topic whose values are easier to read in words of the test's own, such as "[0,10) 3". Scripts
// cannot send to it.
func TextsAs[K, V any](topic stream.Topic[K, V], show func(V) string) ScriptPart {
	return &textTopic[K, V]{topic: topic, own: true, show: func(v V) (string, error) { return show(v), nil }}
}

// scriptTopic is a topic whose types only it knows.
type scriptTopic interface {
	send(d *Driver, r *textRecord) error
	// reader gives the records that have come since its last call. It does not commit.
	reader(d *Driver) func(times *instants) ([]string, error)
}

// textRecord is a record as a script writes it.
type textRecord struct {
	partition  int32 // -1: that of the key
	at         int64
	key, value string
	headers    []stream.Header
}

type textTopic[K, V any] struct {
	topic stream.Topic[K, V]
	show  func(V) (string, error)
	own   bool // the form that show gives
}

func (t *textTopic[K, V]) partOf(s *script) { s.topics[t.topic.Name] = t }

func (t *textTopic[K, V]) send(d *Driver, r *textRecord) error {
	if t.own {
		return fmt.Errorf("topic %q is given as TextsAs, for reading only", t.topic.Name)
	}
	e := entry{time: r.at, headers: r.headers}
	var err error
	key, rawKey, err := encodeWord(t.topic.Key.Append, r.key)
	if err != nil {
		return fmt.Errorf("key %s of topic %q: %w", r.key, t.topic.Name, err)
	}
	if e.value, _, err = encodeWord(t.topic.Value.Append, r.value); err != nil {
		return fmt.Errorf("value %s of topic %q: %w", r.value, t.topic.Name, err)
	}
	e.key = key
	in, p := Input(d, t.topic), r.partition
	switch n := d.cluster.counts[t.topic.Name]; {
	case p >= 0:
	case key == nil:
		p = 0
	case rawKey || t.topic.Partition == nil:
		p = kafka.PartitionFor(key, n)
	default:
		k, err := t.topic.Key.Decode(key)
		if err != nil {
			return fmt.Errorf("key %s of topic %q: %w", r.key, t.topic.Name, err)
		}
		p = t.topic.Partition(k, n)
	}
	in.send(p, e)
	return nil
}

// encodeWord gives what a codec makes of the value that a word stands for: nil for null, and for raw bytes themselves.
func encodeWord[T any](codec func([]byte, T) ([]byte, error), word string) (b []byte, raw bool, err error) {
	if word == null {
		return nil, false, nil
	}
	if strings.HasPrefix(word, "`") {
		return []byte(strings.Trim(word, "`")), true, nil
	}
	v, err := parseAs[T](word)
	if err != nil {
		return nil, false, err
	}
	b, err = codec([]byte{}, v)
	return b, false, err
}

func (t *textTopic[K, V]) reader(d *Driver) func(times *instants) ([]string, error) {
	out := Output(d, t.topic)
	many := d.cluster.counts[t.topic.Name] > 1
	return func(times *instants) (lines []string, err error) {
		for _, r := range out.Committed() {
			key, value := null, null
			if !r.NullKey {
				if key, err = written(r.Key); err != nil {
					return nil, fmt.Errorf("key of topic %q: %w", t.topic.Name, err)
				}
			}
			if !r.NullValue {
				if value, err = t.show(r.Value); err != nil {
					return nil, fmt.Errorf("value of topic %q: %w", t.topic.Name, err)
				}
			}
			line := strings.Join([]string{times.show(r.Time), key, value}, " ") + showHeaders(r.Headers)
			if many {
				line = fmt.Sprintf("/%d %s", r.Partition, line)
			}
			lines = append(lines, line)
		}
		return lines, nil
	}
}

func showHeaders(headers []stream.Header) string {
	var b strings.Builder
	for _, h := range headers {
		value := null
		if h.Value != nil {
			value = quoted(string(h.Value))
		}
		b.WriteString(" " + headerName(h.Key) + "=" + value)
	}
	return b.String()
}

// headerName is quoted where the name would not be found again.
func headerName(name string) string {
	if q := quoted(name); q != name || strings.ContainsAny(name, "= ") {
		return fmt.Sprintf("%q", name)
	}
	return name
}

// parseHeader reads name=value, and gives what follows.
func parseHeader(s string) (h stream.Header, rest string, err error) {
	n := strings.IndexByte(s, '=')
	if strings.HasPrefix(s, `"`) {
		n = quotation(s)
	}
	if n <= 0 || n >= len(s) || s[n] != '=' || strings.ContainsAny(s[:n], " \t") && s[0] != '"' {
		return h, "", fmt.Errorf("%s: behind the value come headers, name=value; a text with spaces is quoted", s)
	}
	if h.Key, err = plain(s[:n]); err != nil {
		return h, "", err
	}
	s = s[n+1:]
	if s == "" || s[0] == ' ' || s[0] == '\t' { // the empty value
		h.Value = []byte{}
		return h, strings.TrimLeft(s, " \t"), nil
	}
	word, rest, err := cutWord(s)
	if err != nil || word == null {
		return h, rest, err
	}
	text, err := plain(word)
	h.Value = []byte(text)
	return h, rest, err
}
