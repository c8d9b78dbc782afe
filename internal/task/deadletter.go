// SPDX-License-Identifier: Apache-2.0

package task

import (
	"strconv"
	"strings"

	"github.com/irmak-go/irmak/internal/kafka"
)

// Headers of a dead letter: where the record came from and why it is here. Format: docs/formats/dead-letters.md.
const (
	deadTopic     = "irmak.topic"
	deadPartition = "irmak.partition"
	deadOffset    = "irmak.offset"
	deadTime      = "irmak.timestamp"
	deadApp       = "irmak.application"
	deadTask      = "irmak.task"
	deadPhase     = "irmak.phase"
	deadOperator  = "irmak.operator"
	deadError     = "irmak.error"
)

// maxDeadError bounds the error text in a dead letter: a stack must not make the letter too large to send.
const maxDeadError = 4096

// Letter is a record for the dead letter topic.
type Letter struct {
	Key, Value []byte
	Time       int64
	Headers    []kafka.Header
}

// deadLetter sends the record in work as it came, with its provenance, in the task's own transaction. Between records
// it is a letter with headers only.
func (t *Task) deadLetter(r *RecordError) error {
	if t.dead == nil {
		n, err := t.Output.Partitions(t.Policies.DeadLetters)
		if err != nil {
			return err
		}
		if t.dead, err = t.Output.Target(t.Policies.DeadLetters, t.ID.Partition%n); err != nil {
			return err
		}
	}
	var raw *kafka.Record
	at := t.Clock.Now().UnixMilli()
	if t.current != nil {
		raw = t.current.in.Raw()
		at = max(t.current.batch.TimeOf(raw), 0)
	}
	l := letterOf(t.App, t.ID.String(), r, raw, at)
	return t.dead.Send(l.Key, l.Value, l.Time, l.Headers)
}

// letterOf is the letter about a failure, and the record that failed, if there was one.
func letterOf(app, task string, r *RecordError, raw *kafka.Record, at int64) Letter {
	l := Letter{Time: max(at, 0)}
	if raw != nil {
		l.Key, l.Value = raw.Key, raw.Value
		for _, h := range raw.Headers {
			l.Headers = append(l.Headers, kafka.Header{Key: string(h.Key), Value: h.Value})
		}
		l.Headers = append(l.Headers,
			kafka.Header{Key: deadTopic, Value: []byte(r.Topic)},
			kafka.Header{Key: deadPartition, Value: strconv.AppendInt(nil, int64(r.Partition), 10)},
			kafka.Header{Key: deadOffset, Value: strconv.AppendInt(nil, r.Offset, 10)},
			kafka.Header{Key: deadTime, Value: strconv.AppendInt(nil, l.Time, 10)},
		)
	}
	text := r.Err.Error()
	l.Headers = append(l.Headers,
		kafka.Header{Key: deadApp, Value: []byte(app)},
		kafka.Header{Key: deadTask, Value: []byte(task)},
		kafka.Header{Key: deadPhase, Value: []byte(r.Phase.String())},
		kafka.Header{Key: deadOperator, Value: []byte(r.Operator)},
		kafka.Header{Key: deadError, Value: []byte(strings.ToValidUTF8(text[:min(len(text), maxDeadError)], ""))},
	)
	return l
}
