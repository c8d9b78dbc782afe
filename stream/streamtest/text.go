// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// nothing is how a value is written that JSON writes as null, such as a nil pointer: null is Kafka's.
const nothing = "nil"

// parseAs reads a value from a word: text for strings, bytes and what unmarshals itself from text, JSON for the rest.
func parseAs[T any](word string) (v T, err error) {
	into := reflect.ValueOf(&v).Elem()
	texts, isTexts := any(&v).(encoding.TextUnmarshaler)
	isString, isBytes := into.Kind() == reflect.String, isBytes(into)
	if isTexts || isString || isBytes {
		text, err := plain(word)
		switch {
		case err != nil:
		case isTexts:
			err = texts.UnmarshalText([]byte(text))
		case isString:
			into.SetString(text)
		default:
			into.SetBytes([]byte(text))
		}
		return v, err
	}
	if word == nothing {
		word = "null"
	}
	d := json.NewDecoder(strings.NewReader(word))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, fmt.Errorf("it is not JSON of a %s: %w", into.Type(), jsonError(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, fmt.Errorf("it is not JSON of a %s: there is more than one value", into.Type())
	}
	return v, nil
}

func isBytes(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8
}

// jsonError says what an end in the middle is.
func jsonError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	return err
}

// written is the word for a value, as parseAs reads it.
func written(v any) (string, error) {
	val := reflect.ValueOf(v)
	texts, isTexts := v.(encoding.TextMarshaler)
	switch {
	case isTexts && !(val.Kind() == reflect.Pointer && val.IsNil()):
		text, err := texts.MarshalText()
		return quoted(string(text)), err
	case val.Kind() == reflect.String:
		return quoted(val.String()), nil
	case isBytes(val):
		return quoted(string(val.Bytes())), nil
	case val.Kind() == reflect.Struct && !exports(val.Type()):
		return fmt.Sprintf("%+v", v), nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("%+v cannot be written as JSON: %w", v, err)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if text == "null" {
		text = nothing
	}
	return text, nil
}

// exports says whether JSON shows anything of a struct.
func exports(t reflect.Type) bool {
	if t.NumField() == 0 || t.Implements(reflect.TypeFor[json.Marshaler]()) {
		return true
	}
	for i := range t.NumField() {
		if t.Field(i).IsExported() || t.Field(i).Anonymous {
			return true
		}
	}
	return false
}
