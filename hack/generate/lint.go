package main

import (
	"bytes"
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
)

// lintRules is docs/lint.md: every rule of lint, by ID.
func lintRules() []byte {
	var out bytes.Buffer
	out.WriteString("# Lint\n\nGenerated from the code by `make generate`. IDs are never reused.\n\n" +
		"`kubectl cilium-gitops lint` reads a working tree as Flux would and judges what it would apply. A comment accepts what a rule\n" +
		"finds, at a field or above it, for the field and all inside of it; above a document's first field, for the document:\n\n" +
		"```yaml\n# cilium-gitops:ignore CGL503 read by the next story\n```\n\n" +
		"`# cilium-gitops:ignore-file CGL503 REASON` is for the whole file. Without a reason a comment accepts nothing.\n\n" +
		"## What --fix does\n\n" +
		"`lint --fix` mends what is mechanical, and says what it mended, what it withheld and why, and what is to be done by hand. Every\n" +
		"fix is made in memory first, and all clusters that read the file are built again. A fix is withheld, and its file is left as it\n" +
		"is, where\n\n" +
		"- a patch decides the field: `spec.patches` of a Kustomization, of what applies it, or a kustomization file's. The finding is\n" +
		"  told at the patch's own line, which is changed by hand;\n" +
		"- the value is a variable's, or a comment stands at the field, which would then say something else;\n" +
		"- anything else that is built would change, be new or be gone, or would have a problem that it does not have;\n" +
		"- Cilium is not delivered by the file. That are its HelmReleases, the Kustomizations that apply them up to the root, their\n" +
		"  sources, and what values and variables are taken from. `--fix --all` mends everywhere.\n\n" +
		"A second run changes nothing. A file that is only a patch is no object: what is wrong in it is found in what is built.\n")
	groups := map[string]string{
		"CGL1": "Files and schemas", "CGL2": "The HelmRelease", "CGL3": "The chart and its source", "CGL4": "Who applies what, and when",
		"CGL5": "Variables", "CGL6": "Values",
	}
	group := ""
	for _, r := range lint.Rules() {
		if r.ID[:4] != group {
			group = r.ID[:4]
			fmt.Fprintf(&out, "\n## %s\n", groups[group])
		}
		fmt.Fprintf(&out, "\n### %s: %s\n\n%s\n\n- **severity** %s\n- **when it is found** %s\n- **documented** <%s>\n",
			r.ID, r.Title, r.Reason, r.Severity, r.Fix, r.See)
	}
	return out.Bytes()
}
