// SPDX-License-Identifier: Apache-2.0

package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"time"
)

// authentication configures the SASL listener and, with it, an authorizer.
func (c *Cluster) authentication() map[string]string {
	if len(c.opts.Users) == 0 {
		return nil
	}
	const security = "org.apache.kafka.common.security."
	const listener = "listener.name.sasl_plaintext."
	plain := security + "plain.PlainLoginModule required"
	for _, user := range sortedKeys(c.opts.Users) {
		plain += " user_" + user + `="` + c.opts.Users[user] + `"`
	}
	scram := security + "scram.ScramLoginModule required;"
	return map[string]string{
		listener + "sasl.enabled.mechanisms":        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		listener + "plain.sasl.jaas.config":         plain + ";",
		listener + "scram-sha-256.sasl.jaas.config": scram,
		listener + "scram-sha-512.sasl.jaas.config": scram,
		listener + "oauthbearer.sasl.jaas.config":   security + "oauthbearer.OAuthBearerLoginModule required;",
		listener + "oauthbearer.sasl.server.callback.handler.class": security +
			"oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
		"authorizer.class.name":          "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                    "User:ANONYMOUS",
		"allow.everyone.if.no.acl.found": "true",
	}
}

// UnsecuredToken is an OAUTHBEARER token for user that the SASL listener takes: a JSON web token that nobody signed.
func UnsecuredToken(user string, issued time.Time, valid time.Duration) string {
	encode := func(claims map[string]any) string {
		b, _ := json.Marshal(claims) // strings and numbers: never fails
		return base64.RawURLEncoding.EncodeToString(b)
	}
	claims := map[string]any{"sub": user, "iat": issued.Unix(), "exp": issued.Add(valid).Unix()}
	return encode(map[string]any{"alg": "none"}) + "." + encode(claims) + "."
}

// certificate is a cluster's own, signed by itself, for 127.0.0.1 and localhost.
type certificate struct {
	pool       *x509.CertPool
	chain, key string // PEM, which Kafka reads as it is: no keystore file, no keytool
}

func newCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(chain)
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return &certificate{pool: pool, chain: string(chain), key: string(keyPEM)}, nil
}

func (c *certificate) properties() map[string]string {
	const listener = "listener.name.ssl."
	oneLine := func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }
	return map[string]string{
		listener + "ssl.keystore.type":              "PEM",
		listener + "ssl.keystore.certificate.chain": oneLine(c.chain),
		listener + "ssl.keystore.key":               oneLine(c.key),
	}
}
