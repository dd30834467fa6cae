// Package probe is the program inside a probe's pods: it answers, it asks and it keeps streams open, and says on its
// standard output what came of it, one JSON document a line. It talks TCP, HTTP, TLS and DNS to the addresses that it
// is given and to nobody else. It must not know Kubernetes: who is asked, and what an answer means, is said elsewhere.
package probe
