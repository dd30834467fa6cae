package facts_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

const canary = "c4n4ry-9f1d"

func pem(kind string) string {
	return "-----BEGIN " + kind + "-----\n" + base64.StdEncoding.EncodeToString([]byte(canary)) + "\n-----END " + kind + "-----\n"
}

// leaf puts value at the end of a path.
func leaf(path values.Path, value any) values.Tree {
	keys := path.Keys()
	for i := len(keys) - 1; i >= 0; i-- {
		value = map[string]any{keys[i]: value}
	}
	return values.Tree(value.(map[string]any))
}

func TestRedactMasks(t *testing.T) {
	for _, path := range []values.Path{
		"tls.ca.key", "tls.ca.cert", "hubble.tls.server.key", "clustermesh.apiserver.tls.client.key", "caKey", "clientKey", "tlsCert",
		"adminPassword", "password", "db.passwd", "passphrase", "token", "apiToken", "api-token", "bearer_token", "secret", "clientSecret",
		"AWS_SECRET_ACCESS_KEY", "awsAccessKey", "apiKey", "api_key", "API-KEY", "privateKey", "private_key", "credentials", "ipsec.psk", "ipsec.keys",
		"secret.data.whatever", "credentials.user", "registry.credentials.pass", "authSecret.nested.deep.value", "tls.server.pem",
	} {
		for _, value := range []any{canary, []any{canary, canary}, map[string]any{"value": canary}} {
			got := facts.Redact(leaf(path, value))
			if strings.Contains(fmt.Sprint(got), canary) || !strings.Contains(fmt.Sprint(got), facts.Redacted) {
				t.Errorf("%s: %v shows as %v", path, value, got)
			}
		}
	}
	if got := facts.Redact(values.Tree{"adminPassword": 918273645.0}); strings.Contains(fmt.Sprint(got), "9") {
		t.Errorf("a password of digits is a number in YAML: %v", got)
	}
}

func TestRedactMasksByText(t *testing.T) {
	for name, text := range map[string]string{
		"key":             pem("PRIVATE KEY"),
		"rsa key":         pem("RSA PRIVATE KEY"),
		"certificate":     pem("CERTIFICATE"),
		"key in a text":   "first line\n" + pem("EC PRIVATE KEY") + canary,
		"key in base64":   base64.StdEncoding.EncodeToString([]byte(pem("PRIVATE KEY"))),
		"url":             "https://admin:" + canary + "@registry.lan/v2",
		"url, no user":    "redis://:" + canary + "@cache:6379",
		"url in a text":   "proxy=http://u:" + canary + "@proxy:3128 and more",
		"bearer":          "Authorization: Bearer " + canary + canary,
		"lower bearer":    "bearer " + canary,
		"escaped bearers": `{"auth":"Bearer ` + canary + `"}`,
	} {
		tree := values.Tree{"harmless": text, "list": []any{text}, "deep": map[string]any{"a": []any{map[string]any{"b": text}}}}
		if got := fmt.Sprint(facts.Redact(tree)); strings.Contains(got, canary) || strings.Count(got, facts.Redacted) != 3 {
			t.Errorf("%s: %s", name, got)
		}
		if got := facts.RedactText("read it: " + text); strings.Contains(got, canary) {
			t.Errorf("%s in an error: %s", name, got)
		}
		if got := facts.RedactData(map[string]string{"harmless": text}); got["harmless"] != facts.Redacted {
			t.Errorf("%s in a ConfigMap: %v", name, got)
		}
	}
}

func TestRedactPairs(t *testing.T) {
	got := facts.Redact(values.Tree{"extraEnv": []any{
		map[string]any{"name": "AWS_SECRET_ACCESS_KEY", "value": canary},
		map[string]any{"name": "DB_PASSWORD", "value": canary},
		map[string]any{"name": "HTTP_PROXY", "value": "http://u:" + canary + "@proxy"},
		map[string]any{"name": "GOMEMLIMIT", "value": "1GiB"},
		map[string]any{"name": "TOKEN", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "it", "key": "token.txt"}}},
	}})
	if text := fmt.Sprint(got); strings.Contains(text, canary) || strings.Count(text, facts.Redacted) != 3 || !strings.Contains(text, "1GiB") || !strings.Contains(text, "token.txt") {
		t.Error(text)
	}
	sly := values.Tree{"list": []any{map[string]any{"operator": "Exists", "key": pem("PRIVATE KEY")}, map[string]any{"name": "x", "key": canary, "user": "y"}}}
	if text := fmt.Sprint(facts.Redact(sly)); strings.Contains(text, canary) || strings.Contains(text, "PRIVATE") {
		t.Errorf("what looks like a selector is none: %s", text)
	}
}

// TestRedactKeeps takes from Cilium's chart, 1.16 to 1.20, what is plainly no secret but is called like one.
func TestRedactKeeps(t *testing.T) {
	toleration := func(key string) map[string]any { return map[string]any{"key": key, "operator": "Exists"} }
	tree := values.Tree{
		"encryption": map[string]any{
			"enabled": true, "type": "wireguard", "keyFile": "keys", "mountPath": "/etc/ipsec", "secretName": "cilium-ipsec-keys",
			"ipsec": map[string]any{"keyFile": "keys", "keyWatcher": true, "keyRotationDuration": "5m", "encryptedOverlay": false, "secretName": "cilium-ipsec-keys"},
		},
		"tls": map[string]any{
			"secretsBackend": "local", "secretSync": map[string]any{"enabled": nil}, "readSecretsOnlyFromSecretsNamespace": nil,
			"secretsNamespace": map[string]any{"create": true, "name": "cilium-secrets"},
			"ca":               map[string]any{"cert": "", "key": "", "certValidityDuration": 1095.0},
			"caBundle":         map[string]any{"enabled": false, "name": "cilium-root-ca.crt", "key": "ca.crt", "useSecret": false},
		},
		"hubble": map[string]any{"tls": map[string]any{
			"auto":   map[string]any{"enabled": true, "method": "helm", "certValidityDuration": 365.0, "certManagerIssuerRef": map[string]any{"name": "ca", "kind": "ClusterIssuer"}},
			"server": map[string]any{"cert": "", "key": "", "existingSecret": "hubble-server"},
		}},
		"ingressController": map[string]any{"secretsNamespace": map[string]any{"create": true, "name": "cilium-secrets", "sync": true}, "defaultSecretName": nil},
		"k8sServiceHost":    "10.25.11.10", "k8sServicePort": 6443.0, "kubeConfigPath": "/var/lib/kubelet/kubeconfig",
		"imagePullSecrets":     []any{map[string]any{"name": "registry"}},
		"serviceAccounts":      map[string]any{"cilium": map[string]any{"create": true, "name": "cilium", "automount": true}},
		"cni":                  map[string]any{"configMapKey": "cni-config", "exclusive": true},
		"kubeProxyReplacement": "true", "cluster": map[string]any{"name": "infra", "id": 1.0}, "apiRateLimit": nil,
		"image":       map[string]any{"tag": "v1.18.2", "digest": "sha256:858f807ea4e20e85e3ea3240a762e1f4b29f1cb5bbd0463b8aa77e7b097c0667"},
		"tolerations": []any{toleration("node-role.kubernetes.io/control-plane"), toleration("CriticalAddonsOnly")},
		"affinity": map[string]any{
			"terms": []any{map[string]any{"topologyKey": "kubernetes.io/hostname"}},
			"match": []any{map[string]any{"key": "cilium.io/no-schedule", "operator": "NotIn", "values": []any{"true"}}},
		},
		"etcd":       map[string]any{"endpoints": []any{"https://etcd.lan:2379"}, "ssl": false},
		"gatewayAPI": map[string]any{"secretsNamespace": map[string]any{"name": "cilium-secrets", "sync": true}},
	}
	got := facts.Redact(tree)
	if !reflect.DeepEqual(tree, got) {
		t.Errorf("got  %v\nwant %v", got, tree)
	}
	config := map[string]string{
		"enable-gateway-api-secrets-sync": "true", "gateway-api-secrets-namespace": "cilium-secrets", "enable-ipsec-key-watcher": "true",
		"identity-allocation-mode": "crd", "hubble-tls-cert-file": "/var/lib/cilium/tls/hubble/server.crt", "hubble-tls-key-file": "/var/lib/cilium/tls/hubble/server.key",
		"mesh-auth-spire-admin-socket": "/run/spire/sockets/admin.sock", "ipsec-key-rotation-duration": "5m", "cluster-name": "infra",
	}
	if data := facts.RedactData(config); !reflect.DeepEqual(data, config) {
		t.Errorf("got %v", data)
	}
}

func TestRedactChangesNothingOfItsArgument(t *testing.T) {
	tree := values.Tree{"a": map[string]any{"password": canary, "list": []any{pem("PRIVATE KEY")}}}
	facts.Redact(tree)
	if !strings.Contains(fmt.Sprint(tree), canary) || strings.Contains(fmt.Sprint(tree), facts.Redacted) {
		t.Error(tree)
	}
	if facts.Redact(nil) != nil {
		t.Error("nothing became something")
	}
}
