package results

// missed names the targets that are not met and why, as far as that is known.
const missed = `
## Targets that are missed

- **P9**, 3x wanted: ours takes about as much processor time as two runs of Helm's template engine and dyff, and asks two API servers
  and a registry besides. What of it could be spared has not been looked for.
- **P10**, 12x wanted for ten times the objects: the work for each object is the same; that one set fits into the processor's cache and
  ten do not is the likely reason.
- **P11**, 45 MB wanted: of some 50 MB, 39 are pages of the program's own file that are shared and can be dropped, 11 are its own. Helm,
  Flux and Kubernetes register their types before any program of theirs begins; another GOGC changes nothing of it.
`
