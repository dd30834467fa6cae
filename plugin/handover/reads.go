package handover

// reads are what a run of the plan reads on its way besides what the plan was made from: what it watches and waits for,
// and what it backs up.
func (p *Plan) reads(in *Input) []Right {
	names := in.Facts.Expect
	all := []Right{
		{Verb: "watch", Resource: "pods", Namespace: names.Cilium.Namespace},
		{Verb: "watch", Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases", Namespace: names.Flux.HelmReleaseNamespace},
	}
	if p.Step(StepBackup) == nil {
		return all
	}
	all = append(all, composed(in)...)
	for _, resource := range []string{"daemonsets", "deployments", "controllerrevisions", "replicasets"} {
		all = append(all, Right{Verb: "list", Group: "apps", Resource: resource, Namespace: names.Cilium.Namespace})
	}
	own := in.Facts.Workloads()
	for _, namespace := range own.Elsewhere() {
		all = append(all,
			Right{Verb: "watch", Resource: "pods", Namespace: namespace},
			Right{Verb: "list", Resource: "pods", Namespace: namespace},
			Right{Verb: "list", Group: "apps", Resource: "deployments", Namespace: namespace},
			Right{Verb: "list", Group: "apps", Resource: "statefulsets", Namespace: namespace})
	}
	for _, resource := range []string{"pods", "secrets"} {
		all = append(all, Right{Verb: "list", Resource: resource, Namespace: names.Cilium.Namespace})
	}
	return all
}

// composed are what values come from: they are read again before the HelmRelease is let go.
func composed(in *Input) []Right {
	r := in.Facts.Git.Cilium()
	if r == nil {
		return nil
	}
	var all []Right
	for _, ref := range r.ValuesFrom {
		all = append(all, Right{Verb: "get", Resource: resourceOf(ref.Kind), Namespace: r.Namespace, Name: ref.Name})
	}
	return all
}
