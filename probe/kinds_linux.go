package probe

import (
	"errors"
	"fmt"
	"io/fs"
)

// everyKind tries each kind of memory. The values are those for which it works.
func everyKind(remedy string, try func(kind) error) Answer {
	var works []string
	var fails reasons
	privilege := true
	for _, k := range kinds {
		err := try(k)
		if errors.As(err, new(obstacle)) {
			return Answer{Verdict: Inconclusive, Reason: fmt.Sprintf("%s: %v", k.name, err)}
		}
		if err == nil {
			works = append(works, k.name)
		} else {
			fails.add(k.name, err.Error())
			privilege = privilege && errors.Is(err, fs.ErrPermission)
		}
	}
	switch {
	case len(works) == 0 && privilege:
		return refused(fails.String(), sandbox)
	case len(works) == 0:
		return no(fails.String(), remedy)
	}
	return Answer{Verdict: Yes, Values: works, Reason: fails.String()}
}
