package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Error is an answer that is not yes. It is errors.ErrUnsupported for a no,
// fs.ErrPermission for a no that more privilege would turn into a yes, and
// neither where the answer is inconclusive: that says nothing of the machine.
type Error struct{ Answer Answer }

// Error has the question, the verdict, the reason and the remedy, in one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("probe: %s: %s", e.Answer.Name, e.Answer.Verdict)
	if e.Answer.Reason != "" {
		s += ": " + e.Answer.Reason
	}
	if e.Answer.Remedy != "" {
		s += " (remedy: " + e.Answer.Remedy + ")"
	}
	return s
}

// Is answers for errors.ErrUnsupported and fs.ErrPermission.
func (e *Error) Is(target error) bool {
	switch {
	case e.Answer.Verdict != No:
		return false
	case e.Answer.Refused:
		return target == fs.ErrPermission
	}
	return target == errors.ErrUnsupported
}

// Err is nil for a yes, and an [*Error] otherwise: what a test hands to
// testgate.Need.
func (a Answer) Err() error {
	if a.Verdict == Yes {
		return nil
	}
	return &Error{a}
}

// ErrWithout is Err for who needs some of the values as well: a kind of memory,
// a feature, a category of pages. A yes without one of them counts as a no.
func (a Answer) ErrWithout(values ...string) error {
	if a.Verdict != Yes {
		return a.Err()
	}
	lacks := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(a.Values, v) })
	if len(lacks) == 0 {
		return nil
	}
	reason := "without " + strings.Join(lacks, ", ")
	if a.Reason != "" {
		reason += "; " + a.Reason
	}
	a.Verdict, a.Reason = No, reason
	return &Error{a}
}
