package chart

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/secrets"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
)

// wants is what a source's object says of access.
type wants struct {
	owner             string // "OCIRepository flux-system/cilium"
	insecure          bool
	known             *wants // the same object's of the cluster, where this is the tree's; nil: it has none
	tree              bool   // it is the tree's
	unseen            error  // why it is not known what the cluster has
	namespace         string
	url               string
	auth, cert, proxy *meta.LocalObjectReference
	account           string
	provider          string
	everywhere        bool
}

// access reads the Secrets that a source names. One that may not be read, or is not there, is missing: where the place
// lets the user in anyhow, nothing is lost.
func (s *Session) access(ctx context.Context, w wants) Access {
	var a Access
	if u, err := url.Parse(w.url); err == nil {
		a.Host, a.Encrypted = u.Host, u.Scheme != "http"
	}
	a.Everywhere = w.everywhere
	if w.provider != "" && w.provider != "generic" {
		a.Missing = append(a.Missing, fmt.Sprintf("%s logs in with the identity that %s gives its pod; here, docker login does", w.owner, w.provider))
	}
	a.Everywhere = a.Everywhere && (!w.tree || w.known != nil && w.known.everywhere)
	var pulls []string
	if w.account != "" {
		if why := w.stranger("ServiceAccount", w.account, func(k *wants) string { return k.account }); why != "" {
			a.Missing = append(a.Missing, why)
		} else {
			pulls = s.pullSecrets(ctx, w, &a)
		}
	}
	for _, name := range pulls {
		s.with(ctx, w, name, &a, a.login)
	}
	for _, one := range []struct {
		ref *meta.LocalObjectReference
		of  func(*wants) *meta.LocalObjectReference
		use func(*corev1.Secret) error
	}{
		{w.auth, func(k *wants) *meta.LocalObjectReference { return k.auth }, a.login},
		{w.cert, func(k *wants) *meta.LocalObjectReference { return k.cert }, a.certificates},
		{w.proxy, func(k *wants) *meta.LocalObjectReference { return k.proxy }, a.proxy},
	} {
		if one.ref == nil {
			continue
		}
		if why := w.stranger("Secret", one.ref.Name, func(k *wants) string { return nameOf(one.of(k)) }); why != "" {
			a.Missing = append(a.Missing, why)
			continue
		}
		s.with(ctx, w, one.ref.Name, &a, one.use)
	}
	return a
}

func nameOf(ref *meta.LocalObjectReference) string {
	if ref == nil {
		return ""
	}
	return ref.Name
}

// stranger says why what the tree's object names is not used: the cluster's Secrets are for the places that an object in
// the cluster names already, by the same reference. A tree that nobody has merged must not send them elsewhere. It is
// empty where the object is the cluster's, or says the same.
func (w wants) stranger(kind, name string, of func(*wants) string) string {
	what := kind + " " + w.namespace + "/" + name
	switch {
	case !w.tree:
		return ""
	case w.unseen != nil:
		return fmt.Sprintf("%s is not used for %s: what the cluster's %s names is not known: %v", what, place(w.url), w.owner, w.unseen)
	case w.known == nil:
		return fmt.Sprintf("%s is not used for %s: the cluster has no %s yet that names both; log in yourself (docker login), or name the chart with --chart", what, place(w.url), w.owner)
	case place(w.known.url) != place(w.url):
		return fmt.Sprintf("the cluster's %s names another host (%s): its %s is not used for %s", w.owner, place(w.known.url), what, place(w.url))
	case w.insecure && !w.known.insecure:
		return fmt.Sprintf("the cluster's %s is not insecure: its %s is not used for %s without verified TLS", w.owner, what, place(w.url))
	case of(w.known) != name:
		return fmt.Sprintf("the cluster's %s does not name %s: it is not used for %s", w.owner, what, place(w.url))
	}
	return ""
}

// place is what credentials are bound to: "https://helm.cilium.io", with the port where there is one.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "an address that is none"
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// pullSecrets are those of a source's service account.
func (s *Session) pullSecrets(ctx context.Context, w wants, a *Access) []string {
	u, err := s.cluster.get(ctx, "v1", "ServiceAccount", w.namespace, w.account)
	var account corev1.ServiceAccount
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &account)
	}
	if err != nil {
		a.Missing = append(a.Missing, missing("ServiceAccount", w, w.account, err))
		return nil
	}
	var names []string
	for _, ref := range account.ImagePullSecrets {
		names = append(names, ref.Name)
	}
	return names
}

// with has use learn from a Secret, or notes why it could not.
func (s *Session) with(ctx context.Context, w wants, name string, a *Access, use func(*corev1.Secret) error) {
	secret, err := s.secret(ctx, w.namespace, name)
	if err == nil {
		err = use(secret)
	}
	if err != nil {
		a.Missing = append(a.Missing, missing("Secret", w, name, err))
		if apierrors.IsNotFound(err) {
			a.Absent = append(a.Absent, missing("Secret", w, name, err)+": until there is, Flux cannot fetch the chart")
		}
	}
}

func missing(kind string, w wants, name string, err error) string {
	what := fmt.Sprintf("%s %s/%s, which %s names", kind, w.namespace, name, w.owner)
	switch {
	case apierrors.IsNotFound(err):
		return "there is no " + what
	case apierrors.IsForbidden(err):
		return "get " + what + ", is forbidden"
	}
	return "get " + what + ": " + err.Error()
}

// secret reads a Secret that a source names. What of it is nobody's business is masked from then on.
func (s *Session) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	u, err := s.cluster.get(ctx, "v1", "Secret", namespace, name)
	if err != nil {
		return nil, err
	}
	var secret corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &secret); err != nil {
		return nil, errors.New("it is not what its API takes")
	}
	for key, value := range secret.Data {
		switch {
		case key == corev1.DockerConfigJsonKey:
			s.hideLogins(value)
		case key == "username", key == "caFile", key == "certFile", strings.HasSuffix(key, ".crt"), strings.HasSuffix(key, ".pub"):
		case key == "address":
			if u, err := url.Parse(string(value)); err == nil && u.User != nil {
				password, _ := u.User.Password()
				s.Masker.Secret(password)
			}
		default:
			s.Masker.Secret(string(value))
		}
	}
	return &secret, nil
}

func (s *Session) hideLogins(value []byte) {
	file, err := config.LoadFromReader(bytes.NewReader(value))
	if err != nil {
		s.Masker.Secret(string(value))
		return
	}
	for _, one := range file.AuthConfigs {
		pair := base64.StdEncoding.EncodeToString([]byte(one.Username + ":" + one.Password))
		s.Masker.Secret([]any{one.Password, one.Auth, pair, one.IdentityToken, one.RegistryToken})
	}
}

// login learns credentials: docker's file, or a name and a password. A file's helpers are programs, and are not run.
func (a *Access) login(secret *corev1.Secret) error {
	if text, ok := secret.Data[corev1.DockerConfigJsonKey]; ok {
		file, err := config.LoadFromReader(bytes.NewReader(text))
		if err != nil {
			return errors.New("it is no configuration of docker")
		}
		file.CredentialsStore, file.CredentialHelpers = "", nil
		a.Pull = append(a.Pull, file)
		return nil
	}
	a.Username, a.Password = string(secret.Data["username"]), string(secret.Data["password"])
	if (a.Username == "") != (a.Password == "") {
		return errors.New("it has one of username and password without the other")
	}
	if a.TLS == nil && len(secret.Data["ca.crt"])+len(secret.Data["caFile"])+len(secret.Data["tls.crt"])+len(secret.Data["certFile"]) > 0 {
		return a.certificates(secret) // as older sources had it
	}
	return nil
}

// certificates learns authorities, which are trusted besides the system's, and a certificate of one's own.
func (a *Access) certificates(secret *corev1.Secret) error {
	found, err := secrets.TLSConfigFromSecret(context.Background(), secret, secrets.WithSystemCertPool())
	if err != nil {
		return errors.New("it holds no certificate that can be read")
	}
	a.TLS = found
	return nil
}

func (a *Access) proxy(secret *corev1.Secret) error {
	found, err := secrets.ProxyURLFromSecret(context.Background(), secret)
	if err != nil {
		return errors.New("it holds no proxy's address")
	}
	a.Proxy = found
	return nil
}
