package harness

import (
	"slices"
	"strings"
)

// Peer is another library that serves faults of its own process.
type Peer struct {
	Name string // of the variant

	// Serve returns memory of the size of source. Each of its pages that is missing is copied
	// from there, when it is touched, for as long as the process lives.
	Serve func(source []byte) (memory []byte, err error)
}

// withPeers compares them too, where a single page is copied.
func withPeers(all []comparison, peers []Peer) []comparison {
	i := slices.IndexFunc(all, func(c comparison) bool { return strings.HasPrefix(c.name, "fault/") })
	for _, p := range peers {
		all[i].variants = append(slices.Clone(all[i].variants), p.Name)
	}
	return all
}
