package storm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config is how a storm is to be.
type Config struct {
	Pages int // how many each access touches, at least
	Procs int // GOMAXPROCS; 0 leaves it

	Accesses     []string // by name; all of them if there are none
	Disturbances []string // likewise

	// Goroutine has a goroutine serve the faults, and not a resolver.
	Goroutine bool

	// Of the resolver.
	Threads, Spin, Batch int
	Granule              uint64

	Command []string // that ends at once, and well
	More    []Disturbance
}

// Disturbance is something that happens over and over while pages are touched.
type Disturbance struct {
	Name string
	Do   func() error
}

// Report is what happened.
type Report struct {
	Faults  uint64
	Took    time.Duration
	Repeats map[string]uint64 // of each disturbance
}

// String is one line.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d faults in %v", r.Faults, r.Took.Round(time.Millisecond))
	var names []string
	for name := range r.Repeats {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, ", %s %d", name, r.Repeats[name])
	}
	return b.String()
}

// unknown is the first name that is not among those that there are.
func unknown(names, there []string) string {
	for _, name := range names {
		if !slices.Contains(there, name) {
			return fmt.Sprintf("%q", name)
		}
	}
	return ""
}

// chosen says whether a name is among those that were asked for.
func chosen(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
}
