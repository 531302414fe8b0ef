package uffd

import "fmt"

// writeProtection are the features that are nothing without a trap: without it
// a write to a write-protected page goes through, and nobody hears of it.
const writeProtection = FeaturePagefaultFlagWP | FeatureWPHugetlbfsShmem | FeatureWPUnpopulated | FeatureWPAsync

// believed is what is true of the features that a kernel claims, without those
// that would stop it. lie holds those that it claims and has not. traps is asked only if it matters; where it has no
// answer, err says why, and write-protection is not believed.
func believed(claimed Features, traps func() (bool, error)) (available, lie Features, err error) {
	claimed &^= deadlyHere
	if !claimed.Has(FeaturePagefaultFlagWP) || traps == nil {
		return claimed, 0, nil
	}
	yes, err := traps()
	switch {
	case err != nil:
		err = fmt.Errorf("the kernel claims %v, and it could not be tried: %w", FeaturePagefaultFlagWP, err)
		return claimed &^ writeProtection, 0, err
	case yes:
		return claimed, 0, nil
	}
	return claimed &^ writeProtection, claimed & writeProtection, nil
}
