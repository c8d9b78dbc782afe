// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/IBM/sarama"
)

// The errors that callers tell apart, with errors.Is. The text around them says which topic, partition and offset.
var (
	// ErrClosed means that the client, fetcher or producer was closed while the call was under way.
	ErrClosed = errors.New("closed")
	// ErrUnreachable means that no broker answered.
	ErrUnreachable = errors.New("no broker can be reached")
	// ErrAuth means that the brokers refused the credentials, or that the options lack some.
	ErrAuth = errors.New("authentication failed")
	// ErrUnauthorized means that the credentials are right but an ACL is missing.
	ErrUnauthorized = errors.New("not authorized")
	// ErrTopicMissing means that a topic or partition does not exist, or no longer.
	ErrTopicMissing = errors.New("topic or partition does not exist")
	// ErrOutOfRange means that an offset lies outside of what the partition still holds.
	ErrOutOfRange = errors.New("offset out of range")
	// ErrTooLarge means that a record, batch or request is larger than the broker or an option allows.
	ErrTooLarge = errors.New("too large")
	// ErrRefused means that a broker would not take a record, whatever else is sent with it.
	ErrRefused = errors.New("the topic's settings do not allow the record")
	// ErrFenced means that a newer producer or member has taken this one's place: it must stop.
	ErrFenced = errors.New("fenced by a newer instance")
	// ErrStaleMember means that the group has moved on to another generation: try again with the member's present
	// identity while it is rejoining; when it has lost the partition, give the work up.
	ErrStaleMember = errors.New("consumer group is in another generation")
	// ErrMemberGone is an ErrStaleMember for good: the group goes on without this member, which is about to lose what it
	// owns.
	ErrMemberGone = fmt.Errorf("%w, without this member", ErrStaleMember)
	// ErrAbort means that this transaction must be aborted and its task rewound; the next one may succeed.
	ErrAbort = errors.New("transaction must be aborted")
	// ErrFormat means that a log holds what we do not read: message sets older than Kafka 0.11, or broken batches.
	ErrFormat = errors.New("unreadable record format")
)

// sentinels gives the sentinel of the broker's codes that have one.
var sentinels = map[sarama.KError]error{
	sarama.ErrOffsetOutOfRange:                   ErrOutOfRange,
	sarama.ErrUnknownTopicOrPartition:            ErrTopicMissing,
	sarama.ErrMessageSizeTooLarge:                ErrTooLarge,
	sarama.ErrMessageSetSizeTooLarge:             ErrTooLarge,
	sarama.ErrOffsetMetadataTooLarge:             ErrTooLarge,
	sarama.ErrTopicAuthorizationFailed:           ErrUnauthorized,
	sarama.ErrGroupAuthorizationFailed:           ErrUnauthorized,
	sarama.ErrClusterAuthorizationFailed:         ErrUnauthorized,
	sarama.ErrTransactionalIDAuthorizationFailed: ErrUnauthorized,
	sarama.ErrUnsupportedSASLMechanism:           ErrAuth,
	sarama.ErrIllegalSASLState:                   ErrAuth,
	sarama.ErrSASLAuthenticationFailed:           ErrAuth,
	sarama.ErrInvalidProducerEpoch:               ErrFenced,
	sarama.ErrProducerFenced:                     ErrFenced,
	sarama.ErrFencedInstancedId:                  ErrFenced,
	sarama.ErrInvalidMessage:                     ErrFormat,
	sarama.ErrIllegalGeneration:                  ErrStaleMember,
	sarama.ErrUnknownMemberId:                    ErrMemberGone,
	sarama.ErrRebalanceInProgress:                ErrStaleMember,
}

// classify puts the sentinel in front of a broker's code; errors.Is finds both. It gives nil for nil and NONE.
func classify(err error) error {
	if err == nil {
		return nil
	}
	code, ok := errors.AsType[sarama.KError](err)
	if errors.Is(err, sarama.ErrSASLAuthenticationFailed) { // wrapped in a way that AsType does not see
		code, ok = sarama.ErrSASLAuthenticationFailed, true
	}
	if !ok {
		return err
	}
	if code == sarama.ErrNoError {
		return nil
	}
	if sentinel, ok := sentinels[code]; ok && !errors.Is(err, sentinel) {
		return fmt.Errorf("%w: %w", sentinel, err)
	}
	return err
}

// fenced says whether a newer producer with our transactional id, or a newer member with our instance id, exists.
// Which of the two codes a broker sends depends on the request's version.
func fenced(err error) bool {
	return errors.Is(err, ErrFenced) || errors.Is(err, sarama.ErrInvalidProducerEpoch) ||
		errors.Is(err, sarama.ErrProducerFenced) || errors.Is(err, sarama.ErrFencedInstancedId)
}

// retriable says whether the same request, after a pause and a look at the metadata, may succeed.
func retriable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrAuth) || errors.Is(err, ErrClosed) {
		return false
	}
	if code, ok := errors.AsType[sarama.KError](err); ok {
		return retriableCodes[code]
	}
	return connectionLost(err) || errors.Is(err, ErrUnreachable)
}

// retriableCodes are the broker's codes that pass: elections, coordinators that move or load, quotas, damage on the
// way, open transactions.
var retriableCodes = map[sarama.KError]bool{
	sarama.ErrInvalidMessage:                  true,
	sarama.ErrLeaderNotAvailable:              true,
	sarama.ErrNotLeaderForPartition:           true,
	sarama.ErrRequestTimedOut:                 true,
	sarama.ErrBrokerNotAvailable:              true,
	sarama.ErrReplicaNotAvailable:             true,
	sarama.ErrNetworkException:                true,
	sarama.ErrOffsetsLoadInProgress:           true,
	sarama.ErrConsumerCoordinatorNotAvailable: true,
	sarama.ErrNotCoordinatorForConsumer:       true,
	sarama.ErrNotEnoughReplicas:               true,
	sarama.ErrNotEnoughReplicasAfterAppend:    true,
	sarama.ErrNotController:                   true,
	sarama.ErrConcurrentTransactions:          true,
	sarama.ErrKafkaStorageError:               true,
	sarama.ErrFencedLeaderEpoch:               true,
	sarama.ErrUnknownLeaderEpoch:              true,
	sarama.ErrOffsetNotAvailable:              true,
	sarama.ErrPreferredLeaderNotAvailable:     true,
	sarama.ErrEligibleLeadersNotAvailable:     true,
	sarama.ErrUnstableOffsetCommit:            true,
	sarama.ErrThrottlingQuotaExceeded:         true,
}

// moved says whether err means that a partition's leader or a group's coordinator is elsewhere now.
func moved(err error) bool {
	for _, code := range []sarama.KError{
		sarama.ErrNotLeaderForPartition, sarama.ErrLeaderNotAvailable, sarama.ErrNotCoordinatorForConsumer,
		sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotController, sarama.ErrFencedLeaderEpoch,
		sarama.ErrUnknownLeaderEpoch, sarama.ErrReplicaNotAvailable, sarama.ErrBrokerNotAvailable,
		sarama.ErrKafkaStorageError,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return connectionLost(err)
}

// connectionLost says whether err comes from the connection rather than from the broker's answer.
func connectionLost(err error) bool { return networkFailed(err) || undecodable(err) }

// networkFailed says whether the connection was not made, or ended.
func networkFailed(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true // the other side speaks no TLS
	}
	for _, lost := range []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, errCut, errToken, sarama.ErrNotConnected,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}

// undecodable says whether an answer could not be read. The next one on the same connection might be another
// request's, so that the connection is of no use any more either.
func undecodable(err error) bool {
	_, broken := errors.AsType[sarama.PacketDecodingError](err)
	return broken || errors.Is(err, sarama.ErrInsufficientData) || errors.Is(err, sarama.ErrIncompleteResponse)
}

// Passing says whether err is the kind that passes: a broker or coordinator that moves, restarts or cannot be reached.
// Whoever sees it has waited for RetryTimeout already, and may try the whole of what it did again.
func Passing(err error) bool { return retriable(err) }
