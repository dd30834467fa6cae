package facts

import (
	"strings"
	"testing"
)

// FuzzSecretShortcuts holds the shortcuts to the expressions that they spare.
func FuzzSecretShortcuts(f *testing.F) {
	for _, seed := range []string{
		"", "tls.ca.key", "adminPassword", "adminPasswd", "api-token", "AWS_SECRET_ACCESS_KEY", "wireguardPSK", "psk", "mykeys", "someKey", "someCert", "someCrt", "somePem", "PEM",
		"to\u212aen", "\u017fecret", "p\u017fk", "pas\u017fword", "k\u00e9y", "cluster.name", "replicas", "credentials", "passphrase", "private_key", "\xffkey",
		"-----BEGIN PRIVATE KEY", "-----BEGIN EC PRIVATE KEY-----", "-----BEGIN CERTIFICATE", "LS0tLS1CRUdJTiBD", "https://u:p@example.com", "https://example.com",
		"Bearer abcdefgh", "bearer abcdefgh", "a bEARER abcdefghi", "beare\u0280 abcdefgh",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := isSecretKey(s), secretKey.MatchString(s) && !plainKey.MatchString(strings.TrimSpace(s)); got != want {
			t.Errorf("%q as a key: %t, want %t", s, got, want)
		}
		if got, want := isSecretText(s), secretText.MatchString(s); got != want {
			t.Errorf("%q as a text: %t, want %t", s, got, want)
		}
	})
}
