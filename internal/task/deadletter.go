// SPDX-License-Identifier: Apache-2.0

package task

import (
	"strconv"

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

// deadLetter sends the record in work of s as it came, with its provenance, in the task's own transaction.
func (t *Task) deadLetter(s *slot, r *RecordError) error {
	if t.dead == nil {
		n, err := t.Output.Partitions(t.Policies.DeadLetters)
		if err != nil {
			return err
		}
		if t.dead, err = t.Output.Target(t.Policies.DeadLetters, t.ID.Partition%n); err != nil {
			return err
		}
	}
	raw := s.in.Raw()
	if raw == nil {
		return r
	}
	text := r.Err.Error()
	at := s.batch.FirstTime + raw.TimestampDelta.Milliseconds()
	headers := make([]kafka.Header, 0, len(raw.Headers)+9)
	for _, h := range raw.Headers {
		headers = append(headers, kafka.Header{Key: string(h.Key), Value: h.Value})
	}
	headers = append(headers,
		kafka.Header{Key: deadTopic, Value: []byte(r.Topic)},
		kafka.Header{Key: deadPartition, Value: strconv.AppendInt(nil, int64(r.Partition), 10)},
		kafka.Header{Key: deadOffset, Value: strconv.AppendInt(nil, r.Offset, 10)},
		kafka.Header{Key: deadTime, Value: strconv.AppendInt(nil, at, 10)},
		kafka.Header{Key: deadApp, Value: []byte(t.App)},
		kafka.Header{Key: deadTask, Value: []byte(t.ID.String())},
		kafka.Header{Key: deadPhase, Value: []byte(r.Phase.String())},
		kafka.Header{Key: deadOperator, Value: []byte(r.Operator)},
		kafka.Header{Key: deadError, Value: []byte(text[:min(len(text), maxDeadError)])},
	)
	return t.dead.Send(raw.Key, raw.Value, max(at, 0), headers)
}
