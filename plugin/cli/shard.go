package cli

import (
	"fmt"

	"github.com/spf13/pflag"
)

// AddShard adds the flag that leaves one part of the clusters.
func (c *Clusters) AddShard(flags *pflag.FlagSet) {
	c.shards = flags
	flags.StringVar(&c.shard, "shard", "", "Look at one part of the clusters alone: I/N is part I, counted from 0, of N. The pods of an Indexed Job share a fleet so")
}

// Sharded tells whether the user wants one part of the clusters.
func (c *Clusters) Sharded() bool { return c.shards != nil && c.shards.Changed("shard") }

// part leaves those of all that are the shard's. Parts of as many clusters as there are, or one fewer, come of taking
// every n-th. An empty part would pass without having looked at anything.
func (c *Clusters) part(all []string) ([]string, error) {
	if !c.Sharded() {
		return all, nil
	}
	var i, n int
	var more string
	if read, _ := fmt.Sscanf(c.shard, "%d/%d%s", &i, &n, &more); read != 2 || n < 1 || i < 0 || i >= n {
		return nil, Usage("--shard: %q is not I/N with I from 0 to N-1, such as 0/20", c.shard)
	}
	var mine []string
	for at := i; at < len(all); at += n {
		mine = append(mine, all[at])
	}
	if len(mine) == 0 {
		return nil, Usage("--shard: of %d clusters part %d of %d holds none; make no more parts than there are clusters", len(all), i, n)
	}
	return mine, nil
}
