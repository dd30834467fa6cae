package cli_test

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"
)

// step writes what a step of one of examples/github-actions runs: step WORKFLOW STEP FILE
func step(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: step WORKFLOW STEP FILE")
	}
	text, err := os.ReadFile(ts.Getenv("FLEET") + "/../github-actions/" + args[0])
	ts.Check(err)
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	ts.Check(yaml.Unmarshal(text, &workflow))
	for _, job := range workflow.Jobs {
		for _, s := range job.Steps {
			if s.Name == args[1] {
				ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(s.Run), 0o644))
				return
			}
		}
	}
	ts.Fatalf("%s has no step %q", args[0], args[1])
}

// exampleTree copies the tree of examples/fleet: fleet TO
func exampleTree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fleet TO")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[0])+"/fleet", os.DirFS(ts.Getenv("FLEET"))))
}
