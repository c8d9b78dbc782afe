// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// SASL says who we are. Without Options.TLS the password of PLAIN and the token travel in the clear.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.
	Mechanism string
	// User and Password are for PLAIN and SCRAM.
	User, Password string
	// Token gives a bearer token for OAUTHBEARER; it is called for every new connection, so it should cache.
	Token func(context.Context) (string, error)
}

// authenticate sets conf up for s. timeout bounds a call of Token.
func authenticate(conf *sarama.Config, s *SASL, timeout time.Duration) error {
	if s == nil {
		return nil
	}
	sasl := &conf.Net.SASL
	sasl.Enable, sasl.Handshake, sasl.Version = true, true, sarama.SASLHandshakeV1
	sasl.Mechanism = sarama.SASLMechanism(s.Mechanism)
	sasl.User, sasl.Password = s.User, s.Password
	switch s.Mechanism {
	case sarama.SASLTypeSCRAMSHA256:
		sasl.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: scram.SHA256} }
	case sarama.SASLTypeSCRAMSHA512:
		sasl.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: scram.SHA512} }
	case sarama.SASLTypeOAuth:
		if s.Token == nil {
			return fmt.Errorf("kafka: SASL mechanism OAUTHBEARER: set Token: %w", ErrAuth)
		}
		sasl.TokenProvider = tokens{get: s.Token, timeout: timeout}
		return nil
	case sarama.SASLTypePlaintext:
	default:
		return fmt.Errorf("kafka: SASL mechanism %q: use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER: %w",
			s.Mechanism, ErrAuth)
	}
	if s.User == "" || s.Password == "" {
		return fmt.Errorf("kafka: SASL mechanism %s: set User and Password: %w", s.Mechanism, ErrAuth)
	}
	return nil
}

// conversation is one SCRAM exchange: sarama brings the messages, scram the arithmetic.
type conversation struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

// Begin is called by sarama before the first Step.
func (c *conversation) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err != nil {
		return err
	}
	c.ClientConversation = client.NewConversation()
	return nil
}

// errToken passes: the issuer may be away for a while, and a connection can be tried again.
var errToken = errors.New("no token for OAUTHBEARER")

// tokens gives sarama the user's tokens.
type tokens struct {
	get     func(context.Context) (string, error)
	timeout time.Duration
}

// Token is called by sarama for every connection.
func (t tokens) Token() (*sarama.AccessToken, error) {
	ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
	defer cancel()
	token, err := t.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errToken, err)
	}
	return &sarama.AccessToken{Token: token}, nil
}
