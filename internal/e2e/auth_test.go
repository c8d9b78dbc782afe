// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/stream"
)

// TestCredentials runs one count per way to come in, and shows what follows each mistake.
func TestCredentials(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Users: map[string]string{"ada": "enigma"}, TLS: true})
	token := func(context.Context) (string, error) {
		return kafkatest.UnsecuredToken("ada", clock.System.Now(), time.Hour), nil
	}
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		for name, config := range map[string]stream.Config{
			"PLAIN":         {SASL: &stream.SASL{Mechanism: "PLAIN", User: "ada", Password: "enigma"}},
			"SCRAM-SHA-256": {SASL: &stream.SASL{Mechanism: "SCRAM-SHA-256", User: "ada", Password: "enigma"}},
			"SCRAM-SHA-512": {SASL: &stream.SASL{Mechanism: "SCRAM-SHA-512", User: "ada", Password: "enigma"}},
			"OAUTHBEARER":   {SASL: &stream.SASL{Mechanism: "OAUTHBEARER", Token: token}},
			"TLS":           {TLS: c.TLS()},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				config.Brokers = c.SASLAddrs()
				if config.TLS != nil {
					config.Brokers = c.TLSAddrs()
				}
				comeIn(t, siteOf(t, c.Addrs()), c, config)
			})
		}
	})
	t.Run("wrong", func(t *testing.T) {
		t.Parallel()
		as := func(mechanism, user, password string) stream.Config {
			return stream.Config{SASL: &stream.SASL{Mechanism: mechanism, User: user, Password: password}}
		}
		for name, test := range map[string]struct {
			config stream.Config
			says   string
		}{
			"PLAIN":         {as("PLAIN", "ada", "?"), "authentication failed"},
			"SCRAM-SHA-256": {as("SCRAM-SHA-256", "ada", "?"), "authentication failed"},
			"SCRAM-SHA-512": {as("SCRAM-SHA-512", "bob", "enigma"), "authentication failed"},
			"no SASL":       {stream.Config{}, "whether it wants TLS or SASL"},
			"no TLS":        {stream.Config{Brokers: c.TLSAddrs()}, "whether it wants TLS or SASL"},
			"other TLS": {
				stream.Config{Brokers: c.TLSAddrs(), TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, "certificate",
			},
			"TLS to a listener without": {stream.Config{Brokers: c.Addrs(), TLS: c.TLS()}, "whether it wants TLS or SASL"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if test.config.Brokers == nil {
					test.config.Brokers = c.SASLAddrs()
				}
				a := start(t, passing("nobody", "in", "out"), test.config)
				select {
				case <-a.ended:
				case <-time.After(impatience):
					t.Fatal("refused credentials are no reason to wait")
				}
				requireText(t, a.wait(), test.config.Brokers[0], test.says)
			})
		}
	})
}

// impatience is how long a mistake may take to be told.
const impatience = 20 * time.Second

// comeIn counts three records.
func comeIn(t *testing.T, s *site, c *kafkatest.Cluster, config stream.Config) {
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	topo := counting(kafkatest.Name(t, "app"), in, out)
	s.put(in, record{key: "a"}, record{key: "a"}, record{key: "b"})
	a := start(t, topo, config)
	a.await("everything is committed", func() bool { return s.position(topo.Name(), in) == 3 })
	require.Equal(t, []string{number(1), number(2), number(1)}, values(s.committed(out)))
	require.NoError(t, a.end())
}
