// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// null is Kafka's null in a script; the text of that name is quoted.
const null = "null"

// cutWord takes the first word of s: up to the next space, or to the end of a quotation or of a JSON object or array
// that begins it.
func cutWord(s string) (word, rest string, err error) {
	s = strings.TrimLeft(s, " \t")
	if s == "" {
		return "", "", nil
	}
	n := 0
	switch s[0] {
	case '"':
		if n = quotation(s); n == 0 {
			return "", "", fmt.Errorf("%s: the quotation does not end", s)
		}
	case '`':
		if n = strings.IndexByte(s[1:], '`') + 2; n < 2 {
			return "", "", fmt.Errorf("%s: the quotation does not end", s)
		}
	case '{', '[':
		if n = bracketed(s); n == 0 {
			return "", "", fmt.Errorf("%s: what the bracket begins does not end; if it is plain text, quote it", s)
		}
	default:
		if n = strings.IndexAny(s, " \t"); n < 0 {
			n = len(s)
		}
	}
	if n < len(s) && s[n] != ' ' && s[n] != '\t' {
		return "", "", fmt.Errorf("%s: a space is missing after %s", s, s[:n])
	}
	return s[:n], strings.TrimLeft(s[n:], " \t"), nil
}

// cutField takes the first word of s, whatever it is made of.
func cutField(s string) (word, rest string) {
	if n := strings.IndexAny(s, " \t"); n >= 0 {
		return s[:n], strings.TrimLeft(s[n:], " \t")
	}
	return s, ""
}

// quotation is the length of the quoted text that begins s, 0 when it does not end.
func quotation(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// bracketed is the length of what begins with s's bracket and ends with the one that belongs to it.
func bracketed(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			n := quotation(s[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// plain is the text that a word stands for.
func plain(word string) (string, error) {
	if !strings.HasPrefix(word, `"`) {
		return word, nil
	}
	text, err := strconv.Unquote(word)
	if err != nil {
		return "", fmt.Errorf("%s is not quoted as in Go", word)
	}
	return text, nil
}

// quoted is the word for a text: itself, or quoted where it would be read as something else.
func quoted(text string) string {
	word, rest, err := cutWord(text)
	printable := func(r rune) bool { return unicode.IsPrint(r) }
	switch {
	case err != nil, rest != "", word != text, text == "", text == null, strings.ContainsRune("\"`@", rune(text[0])),
		!utf8.ValidString(text), strings.IndexFunc(text, func(r rune) bool { return !printable(r) }) >= 0:
		return strconv.Quote(text)
	}
	return text
}

// instants reads and writes times. day is that of the driver; clock says that times are written as on a clock.
type instants struct {
	day   time.Time
	clock bool
	known bool // the case has shown how it writes times
}

// clockForms are the ways to write a time of the day; seconds may have a fraction.
var clockForms = []string{"15:04:05", "15:04"}

// parse reads milliseconds, a time on the driver's day, or one in the form of RFC 3339.
func (i *instants) parse(word string) (ms int64, err error) {
	if ms, err = strconv.ParseInt(word, 10, 64); err == nil {
		i.wrote(false)
		return ms, nil
	}
	i.wrote(true)
	at, err := time.Parse(time.RFC3339, word)
	for _, form := range clockForms {
		if t, cerr := time.Parse(form, word); cerr == nil {
			at, err = i.day.Add(t.Sub(t.Truncate(24*time.Hour))), nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("@%s is no time: write milliseconds, 12:00:05.250 on the driver's day, or 2024-01-31T12:00:05Z",
			word)
	}
	if at.Nanosecond()%int(time.Millisecond) != 0 {
		return 0, fmt.Errorf("@%s: times are in whole milliseconds", word)
	}
	return at.UnixMilli(), nil
}

func (i *instants) wrote(clock bool) {
	if !i.known {
		i.clock, i.known = clock, true
	}
}

// show writes a time as the case does; as on a clock when it has not shown how.
func (i *instants) show(ms int64) string {
	if i.known && !i.clock {
		return "@" + strconv.FormatInt(ms, 10)
	}
	at, form := time.UnixMilli(ms).UTC(), "15:04:05"
	if ms%1000 != 0 {
		form += ".000"
	}
	if !at.Truncate(24 * time.Hour).Equal(i.day) {
		form = "2006-01-02T" + form + "Z07:00"
	}
	return "@" + at.Format(form)
}
