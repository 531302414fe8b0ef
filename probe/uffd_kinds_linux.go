package probe

import (
	"errors"
	"strings"

	"github.com/pageslot/pageslot/uffd"
)

// ability is what a userfaultfd may do with memory.
type ability struct {
	question Question
	does     func(*trial) error
	needs    uffd.Features // which have to be enabled for it
	since    string        // the first kernel that has it, for the remedy
	thp      bool          // begins with a page that is there, so it may be a huge one
}

var abilities = []ability{
	{UffdMissing, (*trial).missing, 0, "Linux 4.3 (shared memory and huge pages: 4.11)", false},
	{UffdZeropage, (*trial).zeropage, 0, "Linux 4.3", false},
	{UffdMinor, (*trial).minor, 0, "Linux 5.14 on amd64 or arm64, 6.12 on riscv64 or loong64", false},
	{UffdWriteProtect, (*trial).writeProtect, 0, "Linux 5.7 on amd64, 6.12 on arm64, 6.19 on riscv64 with the extension Svrsw60t59b (shared memory and huge pages: 5.19); other processors lack the bit for it", true},
	{UffdWriteProtectAsync, (*trial).writeProtectAsync, uffd.FeatureWPAsync, "Linux 6.7, where there is write-protection", true},
	{UffdPoison, (*trial).poison, uffd.FeaturePoison, "Linux 6.6 (on no mips port, where touching such a page stops the kernel)", false},
	{UffdMove, (*trial).move, 0, "Linux 6.8", true},
	{UffdRWP, (*trial).rwp, uffd.FeatureRWP, "Linux 7.3, where there is write-protection", true},
	{UffdRWPAsync, (*trial).rwpAsync, uffd.FeatureRWP | uffd.FeatureRWPAsync, "Linux 7.3, where there is write-protection", true},
}

// ask tries all kinds of memory.
func (a ability) ask() Answer {
	return a.with(func(d *uffd.Descriptor, t *touch) Answer {
		return everyKind(newerKernel+a.since, func(k kind) error {
			return a.try(d, t, func() (*region, error) { return newRegion(k) })
		})
	})
}

// with opens what every trial needs.
func (a ability) with(use func(*uffd.Descriptor, *touch) Answer) Answer {
	if l := locked(); l.Verdict != Yes {
		// Every page would be there from the start.
		return Answer{Verdict: Inconclusive, Reason: l.Reason, Remedy: l.Remedy}
	}
	t, err := newTouch()
	if err != nil {
		return Answer{Verdict: Inconclusive, Reason: err.Error()}
	}
	defer t.close()
	o := uffd.Options{UserMode: uffd.UserModeFallback, Required: uffd.FeatureSIGBUS | a.needs}
	return openUffd(o, newerKernel+a.since, func(d *uffd.Descriptor) Answer { return use(d, t) })
}

// try does it with one region.
func (a ability) try(d *uffd.Descriptor, t *touch, memory func() (*region, error)) error {
	r, err := memory()
	if err != nil {
		return err
	}
	defer r.close()
	return d.Control(func(fd int) error { return a.does(&trial{r, t, fd}) })
}

// uffdHugePage tries what may be done with a transparent huge page.
func uffdHugePage() Answer {
	var works []string
	var fails reasons
	for _, a := range abilities {
		if !a.thp {
			continue
		}
		b := a.with(func(d *uffd.Descriptor, t *touch) Answer {
			err := a.try(d, t, newHugeRegion)
			if errors.As(err, new(obstacle)) {
				return Answer{Verdict: Inconclusive, Reason: err.Error()}
			}
			if err != nil {
				return no(err.Error(), newerKernel+a.since)
			}
			return yes()
		})
		name := strings.TrimPrefix(string(a.question), "userfaultfd.")
		switch b.Verdict {
		case Inconclusive:
			return b
		case Yes:
			works = append(works, name)
		default:
			fails.add(name, b.Reason)
		}
	}
	if len(works) == 0 {
		return no(fails.String(), "a kernel with transparent huge pages, and memory for one")
	}
	return Answer{Verdict: Yes, Values: works, Reason: fails.String()}
}
