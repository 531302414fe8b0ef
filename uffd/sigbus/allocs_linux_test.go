package sigbus

import (
	"bytes"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// A Do without a fault allocates nothing, nor does providing pages; of a fault there
// is the value that the runtime panics with.
func TestAllocations(t *testing.T) {
	a := anon(t, 16)
	d := open(t, 0)
	register(t, d, a, uffd.ModeMissing)
	r, err := From(d, a.all(), bytes.NewReader(a.want(1)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	sum := func(Fault) error {
		for i := 0; i < len(a.mem); i += int(a.page) {
			total += int(a.mem[i])
		}
		return nil
	}
	do := func() {
		if err := Do(sum, r); err != nil {
			t.Fatal(err)
		}
	}
	do()
	none := func(what string, most float64, f func()) {
		t.Helper()
		n := testing.AllocsPerRun(testgate.Rounds(100, 20), f)
		if n > most && conversionsAllocate() {
			testgate.Skip(t, testgate.Plain, "in this build a variable whose address becomes a number is on the heap")
		}
		if n > most {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
	none("without a fault", 0, do)
	none("providing pages", 0, func() {
		a.discard(t)
		if err := r.Resolve(Fault{Address: a.addr(3), Page: a.at(3), Range: a.all(), Number: 1}); err != nil {
			t.Fatal(err)
		}
	})
	faults := float64((len(a.mem) + granule - 1) / granule)
	none("with a fault", faults, func() {
		a.discard(t)
		do()
	})
}
