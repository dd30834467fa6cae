package facts

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Redacted stands for a secret value.
const Redacted = "<redacted>"

var (
	// secretKey matches the last word of a key that holds a secret, whatever its case or separators:
	// tls.ca.key, adminPassword, api-token, AWS_SECRET_ACCESS_KEY.
	secretKey = regexp.MustCompile(`(?i)(^|[^a-z])(key|keys|cert|crt|pem)$|passw(or)?d|passphrase|token|secret|credential|api_?-?key|private_?-?key|access_?-?key|psk$|(?-i:[a-z0-9](Key|Cert|Crt|Pem)$)`)
	// plainKey matches keys that only name such a thing: existingSecret, secretName, keyFile, tokenPath.
	plainKey = regexp.MustCompile(`(?i)(name|file|path|ref|namespace|namespaces|dir|type|method|algorithm|size|rotation|duration|enabled|mount|audience|issuer|topologykey|configmapkey|secretsbackend|labelkey|annotationkey|publickey|existingsecret[a-z]*key|existingsecret|pullsecrets|backgroundsync|secretsync)$`)
	// labelKey is the key of a label or taint, or a key within a Secret: node.cilium.io/agent-not-ready, ca.crt.
	labelKey = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z0-9-]+/[A-Za-z0-9._-]+$|^[a-z-]+\.(crt|key|pem)$`)
	// secretText matches values that are secrets wherever they stand.
	secretText = regexp.MustCompile(`-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)|LS0tLS1CRUdJTi|://[^/\s:@]*:[^/\s@]+@|(?i)\bbearer [a-z0-9._~+/-]{8,}`)
)

// Redact returns t with every secret masked. It knows secrets by the name of their key, by their text (PEM, plain or
// base64; passwords in URLs) and, in lists of {name, value}, by the name beside them.
func Redact(t values.Tree) values.Tree {
	if t == nil {
		return nil
	}
	return values.Tree(redactMap(t))
}

func redactMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		if text, ok := value.(string); ok && key == "key" && isSelector(m) && !secretText.MatchString(text) {
			out[key] = value
			continue
		}
		out[key] = redact(key, value)
	}
	if name, ok := m["name"].(string); ok {
		if text, ok := m["value"].(string); ok && text != "" && isSecretKey(name) {
			out["value"] = Redacted
		}
	}
	return out
}

func redact(key string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		if isSecretKey(key) {
			return redactInside(v)
		}
		return redactMap(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = redact(key, v[i])
		}
		return out
	case string:
		if isSecret(key, v) {
			return Redacted
		}
	case float64, int64, int, json.Number:
		if isSecretKey(key) {
			return Redacted
		}
	}
	return value
}

// redactInside masks what stands below a key that holds a secret, whatever it is called there.
func redactInside(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		if _, isBool := value.(bool); isBool || plainKey.MatchString(key) {
			out[key] = redact(key, value)
			continue
		}
		out[key] = redact("secret", value)
	}
	return out
}

// isSelector tells a toleration, a selector's expression or a reference to a Secret's key, whose "key" names something.
func isSelector(m map[string]any) bool {
	for _, sibling := range []string{"operator", "effect", "values", "tolerationSeconds"} {
		if _, ok := m[sibling]; ok {
			return true
		}
	}
	_, named := m["name"].(string)
	for key := range m {
		named = named && (key == "name" || key == "key" || key == "optional")
	}
	return named
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isSecretText asks the expression of those texts only that may match it.
func isSecretText(text string) bool {
	may := strings.Contains(text, "-----BEGIN ") || strings.Contains(text, "LS0tLS1CRUdJTi") || strings.Contains(text, "://") || strings.Contains(strings.ToLower(text), "bearer ")
	return may && secretText.MatchString(text)
}

// isSecret tells a secret by its key and its text. A switch and a label's key are none, whatever they are called.
func isSecret(key, text string) bool {
	if isSecretText(text) {
		return true
	}
	return isSecretKey(key) && text != "" && text != "true" && text != "false" && !labelKey.MatchString(text)
}

// secretWords are what a key must hold at least one of for secretKey to match it.
var secretWords = []string{"key", "cert", "crt", "pem", "passw", "passphrase", "token", "secret", "credential", "psk"}

// isSecretKey asks the expressions of those keys only that may match: of a chart's thousands of keys few do.
func isSecretKey(key string) bool {
	lower, may := strings.ToLower(key), false
	for _, word := range secretWords {
		may = may || strings.Contains(lower, word)
	}
	if !may && isASCII(key) { // an expression that ignores case takes a long s for an s
		return false
	}
	return secretKey.MatchString(key) && !plainKey.MatchString(strings.TrimSpace(key))
}

// RedactText masks what looks like a secret inside a text, such as an error that quotes its input.
func RedactText(s string) string {
	if secretText.MatchString(s) {
		return Redacted
	}
	return s
}

// RedactData masks the secrets of a ConfigMap's data.
func RedactData(data map[string]string) map[string]string {
	out := make(map[string]string, len(data))
	for key, text := range data {
		if isSecret(key, text) {
			text = Redacted
		}
		out[key] = text
	}
	return out
}
