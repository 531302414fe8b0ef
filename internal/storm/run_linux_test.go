package storm

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// A storm that would be none is refused, since it would find nothing either.
func TestConfig(t *testing.T) {
	for what, c := range map[string]Config{
		"no pages":                     {},
		"less than none":               {Pages: -100},
		"an access that is none":       {Pages: 1, Accesses: []string{"copy", "copying"}},
		"a disturbance that is none":   {Pages: 1, Disturbances: []string{"collectors"}},
		"a program, but not which":     {Pages: 1, Disturbances: []string{"exec"}},
		"rules, where a goroutine has": {Pages: 1, Disturbances: []string{"rules"}, Goroutine: true},
	} {
		if r, err := Run(c); r != nil || !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v, %v", what, r, err)
		}
	}
}
