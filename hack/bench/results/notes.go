package results

// missed names the targets that are not met and why, as far as that is known.
const missed = `
## Targets that are missed

- **P1**, 5x wanted, and **P2**, 10x wanted: in processor time ours is six times cheaper, but of the time that passes less than a third is ours. Both
  clusters and all their nodes run on the two processors that also run the program, and ours asks three things of each of six agents, two Prometheus
  and two relays at once where the script asks one agent of each cluster: API servers, nodes and agents take the other 70 %. 50 ms away the longest chain is nine
  round trips: connect, pods, and the port-forward to Prometheus; with ` + "`--no-exec`" + ` it is five (P4).
- **P9**, 3x wanted: a fifth of ours is reading each cluster's Helm record, another fifth asking what lives, which the other side does not do; rendering
  and comparing alone are a third. What is left to be spared is unpacking the chart and compiling its schema once for clusters of the same version, a tenth.
- **P10**, 12x wanted for ten times the objects: 11x to 14x from run to run. The work for each object is the same; that one set fits into the
  processor's cache and ten do not is the likely reason.
- **P11**, 45 MB wanted, which is less than kubectl's own of today: of ours, 39 MB are pages of the program's own file that are shared and can be dropped, 11 are its
  own. Helm, Flux and Kubernetes register their types before any program of theirs begins; another GOGC changes nothing of it.
`
