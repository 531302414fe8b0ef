package probe

import (
	"errors"

	"github.com/pageslot/pageslot/pkey"
)

// protectionKeys asks package pkey, which allocates a key and gives it back.
func protectionKeys() Answer {
	err := pkey.Supported()
	switch {
	case err == nil:
		return yes()
	case errors.Is(err, errors.ErrUnsupported):
		return no(err.Error(), "a processor and a kernel that have them: amd64 with PKU since Linux 4.9, "+
			"arm64 with FEAT_S1POE since 6.12, ppc64 and ppc64le with the hash MMU since 4.16; in a virtual machine, one that passes them through. "+
			"Pools work without, with one stripe")
	}
	return Answer{Verdict: Inconclusive, Reason: err.Error()}
}
