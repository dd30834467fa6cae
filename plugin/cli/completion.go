package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// FixedCompletion offers words, which may carry a description behind a tab, and no files.
func FixedCompletion(words []string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// ListCompletion offers words for a flag that takes several, separated by commas: the last one is completed, and what is
// in the list already is offered no more.
func ListCompletion(words func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		given, last := "", typed
		if i := strings.LastIndex(typed, ","); i >= 0 {
			given, last = typed[:i+1], typed[i+1:]
		}
		var out []string
		for _, word := range words() {
			name, _, _ := strings.Cut(word, "\t")
			if strings.HasPrefix(name, last) && !slices.Contains(strings.Split(given, ","), name) {
				out = append(out, given+word)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// ArgsCompletion offers words for a command's arguments, at most as many as it takes (0: any number), each once.
func ArgsCompletion(most int, words func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, word := range words() {
			name, _, _ := strings.Cut(word, "\t")
			if (most == 0 || len(given) < most) && !slices.Contains(given, name) {
				out = append(out, word)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// completer is the name under which kubectl looks for whoever completes a plugin's words.
func completer(file string) string {
	return strings.Replace(file, "kubectl-", "kubectl_complete-", 1)
}

// Called is how the user typed the program, and what was typed behind it. Called by the name of its completer, the
// program completes.
func Called(argv []string) (name string, args []string) {
	base := strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	if plugin, ok := strings.CutPrefix(base, "kubectl_complete-"); ok {
		return TypedName("kubectl-" + plugin), append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
	}
	return TypedName(argv[0]), argv[1:]
}

// file is the name of the program's file.
func (e *Env) file() string {
	if plugin, ok := strings.CutPrefix(e.Name, "kubectl "); ok {
		return "kubectl-" + strings.ReplaceAll(plugin, "-", "_")
	}
	return strings.ReplaceAll(e.Name, " ", "-")
}

// shells are those that cobra writes completion for.
func shells() map[string]func(*cobra.Command, io.Writer) error {
	return map[string]func(*cobra.Command, io.Writer) error{
		"bash":       func(c *cobra.Command, w io.Writer) error { return c.GenBashCompletionV2(w, true) },
		"zsh":        (*cobra.Command).GenZshCompletion,
		"fish":       func(c *cobra.Command, w io.Writer) error { return c.GenFishCompletion(w, true) },
		"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
	}
}

func shellNames() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func completion(env *Env) *cobra.Command {
	host, _, _ := strings.Cut(env.Name, " ")
	cmd := &cobra.Command{
		Use:   "completion SHELL",
		Short: "Write a shell's completion script",
		Long: fmt.Sprintf(`Writes the script that completes %[1]s, the program called by its file's name, on Tab in one of
bash, zsh, fish and powershell.`, env.file()),
		Example: fmt.Sprintf("  %s completion bash", env.Name),
		Args:    cobra.ExactArgs(1), ValidArgsFunction: ArgsCompletion(1, shellNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			script, ok := shells()[args[0]]
			if !ok {
				return Usage("there is no completion for %q; there is for: %s", args[0], strings.Join(shellNames(), ", "))
			}
			return script(cmd.Root(), env.Out)
		},
	}
	switch host {
	case "kubectl":
		cmd.Long += "\n\nCompletion of kubectl's own completes " + env.Name + " once " + completer(env.file()) +
			" is there: " + env.Name + " completion install."
		cmd.AddCommand(completionInstall(env))
	case "flux":
		cmd.Long += "\n\nflux's own completion completes " + env.Name + " as it is: flux completion --help."
	}
	return cmd
}

func completionInstall(env *Env) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Have kubectl's completion complete this plugin",
		Long: fmt.Sprintf(`Makes %s beside the plugin's own file: the name under which kubectl's completion looks for
whoever completes a plugin. krew makes no such name. It stays when the plugin is upgraded; remove it with the plugin.`, completer(env.file())),
		Example: fmt.Sprintf("  %s completion install", env.Name),
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			made, err := link(env, dir, os.Args[0])
			if err != nil {
				return Usage("install completion: %w; name a directory of your PATH: --dir DIR", err)
			}
			fmt.Fprintln(env.Out, made)
			env.Say("kubectl's completion now completes %s; load it if it is not: kubectl completion --help", env.Name)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "Directory of your PATH to make it in (default: where the plugin's file is)")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// link makes the completer of the program that was called as self, and gives its path. A link goes by the name that
// kubectl called, not to what is behind it: krew moves that at each upgrade.
func link(env *Env, dir, self string) (string, error) {
	self, err := exec.LookPath(self)
	if err == nil {
		self, err = filepath.Abs(self)
	}
	if err != nil {
		return "", err
	}
	target := filepath.Base(self)
	if dir == "" {
		dir = filepath.Dir(self)
	} else if dir, err = filepath.Abs(dir); err == nil && dir != filepath.Dir(self) {
		target = self
	}
	path := filepath.Join(dir, completer(env.file()))
	if runtime.GOOS == "windows" { // links are for administrators there
		path += ".cmd"
		return path, report.Replace(path, []byte("@\""+self+"\" "+cobra.ShellCompRequestCmd+" %*\r\n"), 0o755)
	}
	old, err := os.Readlink(path)
	if err == nil && old == target {
		return path, nil
	}
	if err != nil { // there is nothing, or what is there is not this tool's: it stays, and that is said
		return path, os.Symlink(target, path)
	}
	return path, relink(target, path)
}

// relink has a link lead elsewhere. After an error it leads where it led.
func relink(target, path string) error {
	beside := path + ".new"
	if err := os.Symlink(target, beside); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	return nil
}
