package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/lab/agent/answer"
)

// request is a command line: the words that are no flags, and what the flags amount to.
type request struct {
	words   []string
	json    bool
	brief   bool
	verbose bool
	all     bool   // config -a
	only    bool   // config -r
	path    string // debuginfo --output jsonpath=
}

func parse(args []string) request {
	var r request
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-o" || a == "--output":
			i++
			if i < len(args) {
				r.json = strings.HasPrefix(args[i], "json")
				r.path, _ = strings.CutPrefix(args[i], "jsonpath=")
			}
		case strings.HasPrefix(a, "-o=json"), strings.HasPrefix(a, "--output=json"), strings.HasPrefix(a, "-ojson"):
			r.json = true
		case a == "--brief":
			r.brief = true
		case a == "--verbose":
			r.verbose = true
		case a == "-a" || a == "--all":
			r.all = true
		case a == "-r" || a == "--list-read-only":
			r.only = true
		case a == "--timeout" || a == "--host" || a == "-H":
			i++
		case strings.HasPrefix(a, "-"): // the rest changes nothing here
		default:
			r.words = append(r.words, a)
		}
	}
	return r
}

func (r request) is(words ...string) bool {
	return len(r.words) >= len(words) && slices.Equal(r.words[:len(words)], words)
}

func dispatch(program string, args []string, agent *answer.Agent, out, errOut io.Writer) int {
	r := parse(args)
	if agent.Fault.Dead {
		return dead(program, r, errOut)
	}
	if agent.Fault.Garbage {
		fmt.Fprintln(out, `{"cilium":{"state":"Ok","msg":"1.18`) // cut off in the middle
		return 0
	}
	switch {
	case program == "hubble" && r.is("status"):
		return show(agent.HubbleText(), answer.HubbleStatus(agent), r.json, out, errOut)
	case program == "cilium-health" && r.is("status"):
		return show(agent.HealthText(r.verbose), agent.Health(), r.json, out, errOut)
	case program == "hubble" || program == "cilium-health":
		fmt.Fprintf(errOut, "%s: the lab's agents answer `status` only\n", program)
		return 1
	}
	return debug(r, agent, out, errOut)
}

// debug is cilium-dbg.
func debug(r request, agent *answer.Agent, out, errOut io.Writer) int {
	switch {
	case r.is("status"):
		return status(r, agent, out, errOut)
	case r.is("version"):
		return show(agent.VersionText(), agent.Version(), r.json, out, errOut)
	case r.is("encrypt", "status"):
		return show(agent.EncryptText(), agent.Encryption(), r.json, out, errOut)
	case r.is("debuginfo") && r.path == "{.encryption}":
		return show("", agent.Tunnels(), true, out, errOut)
	case r.is("bgp", "peers"):
		peers, err := agent.BGPPeers()
		if err != nil {
			fmt.Fprintln(errOut, err)
			return 1
		}
		return show(answer.BGPText(peers), peers, r.json, out, errOut)
	case r.is("config", "get") && len(r.words) == 3:
		value, ok := agent.Option(r.words[2])
		if !ok {
			fmt.Fprintf(errOut, "Error: config %s not found\n", r.words[2])
			return 1
		}
		fmt.Fprintf(out, "%s=%s\n", r.words[2], value)
		return 0
	case r.is("config") && len(r.words) == 1:
		return show(agent.ConfigText(r.all, r.only), agent.Config(r.all, r.only), r.json, out, errOut)
	case r.is("config"):
		fmt.Fprintf(errOut, "Error: unable to find option %q\n", r.words[1])
		return 1
	}
	fmt.Fprintf(errOut, "cilium-dbg %s: the lab's agents answer status, version, config, encrypt status, bgp peers and the encryption of debuginfo only\n", strings.Join(r.words, " "))
	return 1
}

func status(r request, agent *answer.Agent, out, errOut io.Writer) int {
	s := agent.Status()
	switch {
	case r.json:
		return show("", s, true, out, errOut)
	case r.brief:
		fmt.Fprint(out, agent.BriefText())
	default:
		fmt.Fprint(out, agent.StatusText(r.verbose))
	}
	if s.Cilium.State != "Ok" {
		return 1
	}
	return 0
}

func dead(program string, r request, errOut io.Writer) int {
	switch {
	case program == "hubble":
		fmt.Fprintln(errOut, "failed getting status: rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix /var/run/cilium/hubble.sock: connect: connection refused\"")
	case r.brief:
		fmt.Fprintln(errOut, "cilium: daemon unreachable")
	default:
		fmt.Fprintln(errOut, answer.DeadText)
	}
	return 1
}

func show(text string, value any, asJSON bool, out, errOut io.Writer) int {
	if !asJSON {
		fmt.Fprint(out, text)
		return 0
	}
	raw, err := answer.JSON(value)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 1
	}
	fmt.Fprintln(out, string(raw))
	return 0
}
