package main

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
)

// manual writes a man page for each command of both programs into dir, as of date.
func manual(dir string, date time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, program := range programs() {
		root := program(cli.System(name))
		plain(root)
		header := &doc.GenManHeader{Section: "1", Date: &date, Source: name, Manual: "cilium-gitops"}
		if err := doc.GenManTreeFromOpts(root, doc.GenManTreeOptions{Header: header, Path: dir, CommandSeparator: "-"}); err != nil {
			return err
		}
	}
	return nil
}

// plain makes pages be about the program alone, and not about when they were made.
func plain(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	for _, sub := range cmd.Commands() {
		if strings.HasPrefix(sub.Name(), "__") {
			sub.Hidden = true
		}
		plain(sub)
	}
}
