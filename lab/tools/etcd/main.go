// Command etcd is upstream's etcd; upstream's own main package is in a module of its own that replaces its siblings.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
