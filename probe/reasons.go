package probe

import (
	"slices"
	"strings"
)

// reasons are why something is not so, each once, with all that it holds for.
type reasons []reason

type reason struct {
	names []string
	why   string
}

func (r *reasons) add(name, why string) {
	i := slices.IndexFunc(*r, func(e reason) bool { return e.why == why })
	if i < 0 {
		*r = append(*r, reason{why: why})
		i = len(*r) - 1
	}
	(*r)[i].names = append((*r)[i].names, name)
}

// String is empty where there are none.
func (r reasons) String() string {
	var all []string
	for _, e := range r {
		all = append(all, strings.Join(e.names, ", ")+": "+e.why)
	}
	return strings.Join(all, "; ")
}
