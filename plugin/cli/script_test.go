package cli_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/ciliumgitops"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/fluxhandover"
)

// TestMain makes both programs commands of the scripts, called as kubectl and flux call them.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kubectl-cilium_gitops": func() {
			name, args := cli.Called(os.Args)
			env := cli.System(name)
			os.Exit(cli.Main(env, ciliumgitops.New(env), args))
		},
		"kubectl_complete-cilium_gitops": func() {
			name, args := cli.Called(os.Args)
			env := cli.System(name)
			os.Exit(cli.Main(env, ciliumgitops.New(env), args))
		},
		"flux-handover": func() {
			name, args := cli.Called(os.Args)
			env := cli.System(name)
			os.Exit(cli.Main(env, fluxhandover.New(env), args))
		},
	})
}

// TestScripts runs whole commands: what they print, where, and with which exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			fleet, err := os.Getwd()
			if err != nil {
				return err
			}
			env.Setenv("FLEET", fleet+"/../../examples/fleet")
			env.Setenv("TREES", fleet+"/../repo/testdata")
			env.Setenv("CHART", fleet+"/../chart/testdata/cilium")
			env.Setenv("TZ", "UTC")
			env.Setenv("KUBECONFIG", env.WorkDir+"/none")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "tree": tree, "step": step, "fleet": exampleTree},
	})
}

// exits runs a command and insists on its exit code: exits CODE COMMAND ARGS..
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS..]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if coded, ok := err.(interface{ ExitCode() int }); ok {
		got = strconv.Itoa(coded.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// tree copies one of the trees that plugin/repo is tested with: tree NAME TO
func tree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tree NAME TO")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.Getenv("TREES")+"/"+args[0])))
}
