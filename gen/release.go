package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

var releasePattern = regexp.MustCompile(`^([0-9]{1,4})\.([0-9]{1,4})$`)

// release is a version of Linux as people say it: 6.12.
type release struct{ major, minor int }

func parseRelease(s string) (release, error) {
	m := releasePattern.FindStringSubmatch(s)
	if m == nil {
		return release{}, fmt.Errorf("%q is no release of Linux: want one like 6.12", s)
	}
	major, _ := strconv.Atoi(m[1]) // the pattern lets nothing else through
	minor, _ := strconv.Atoi(m[2])
	return release{major, minor}, nil
}

func (r release) String() string { return fmt.Sprintf("%d.%d", r.major, r.minor) }

func (r release) compare(other release) int {
	return cmp.Or(cmp.Compare(r.major, other.major), cmp.Compare(r.minor, other.minor))
}

// lastMinor is the last release of each major version that has ended. The next
// major version began after it.
var lastMinor = map[int]int{3: 19, 4: 20, 5: 19, 6: 19}

// next is the release after r.
func (r release) next() release {
	if last, ok := lastMinor[r.major]; ok && r.minor >= last {
		return release{r.major + 1, 0}
	}
	return release{r.major, r.minor + 1}
}

// bracket says that something came after one release (not in it) and up to
// another one (at the latest in it). Where after is zero, nothing older is
// known.
type bracket struct{ after, upTo release }

func (b bracket) String() string {
	switch {
	case b.after == release{}:
		return "≤ " + b.upTo.String()
	case b.after.next() == b.upTo:
		return b.upTo.String()
	}
	return b.after.next().String() + ".." + b.upTo.String()
}

func (b bracket) holds(r release) bool {
	return b.after.compare(r) < 0 && r.compare(b.upTo) <= 0
}
