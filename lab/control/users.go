package control

import (
	"fmt"
	"strings"
)

// user is somebody the API server knows by a token. The programs of a cluster are told apart so that the audit log can
// leave them out.
type user struct {
	suffix string // of the lab's token
	name   string
	groups string
}

const (
	adminUser   = "admin"
	machineUser = "lab"
)

func users() []user {
	masters := "system:masters"
	flux := func(name string) user {
		return user{name, "system:serviceaccount:flux-system:" + name, masters + ",system:serviceaccounts,system:serviceaccounts:flux-system"}
	}
	return []user{
		{"", adminUser, masters},
		{machineUser, machineUser, masters},
		{"kubelet", "system:node:kwok", masters},
		{"kcm", "system:kube-controller-manager", masters},
		{"scheduler", "system:kube-scheduler", masters},
		flux("source-controller"), flux("kustomize-controller"), flux("helm-controller"),
	}
}

func (u user) token(admin string) string {
	if u.suffix == "" {
		return admin
	}
	return admin + "-" + u.suffix
}

// tokenFile is what kube-apiserver reads with --token-auth-file.
func tokenFile(admin string) []byte {
	var b strings.Builder
	for i, u := range users() {
		fmt.Fprintf(&b, "%s,%s,%d,%q\n", u.token(admin), u.name, i+1, u.groups)
	}
	return []byte(b.String())
}

// auditPolicy records who asked for what, without bodies; the cluster's own programs are left out.
func auditPolicy() []byte {
	var b strings.Builder
	b.WriteString("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n  - level: None\n    users:\n")
	for _, u := range users() {
		if u.name != adminUser {
			fmt.Fprintf(&b, "      - %q\n", u.name)
		}
	}
	b.WriteString("      - system:apiserver\n      - system:anonymous\n  - level: Metadata\n")
	return []byte(b.String())
}
