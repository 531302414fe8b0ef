package pagemap

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// A page that was written and swapped out is not present, and not to be forgotten.
func TestSwapped(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 8)
	arm(t, d, a.all())
	a.write(1)
	a.write(2)
	a.read(5, 1)
	var e [8]Entry
	for range 20 {
		if err := a.advise(0, 8, unix.MADV_PAGEOUT); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Entries(a.all().Start, e[:]); err != nil {
			t.Fatal(err)
		}
		if !e[1].Present() && !e[2].Present() {
			break
		}
		time.Sleep(testgate.Stretch(t, time.Millisecond))
	}
	if e[1].Present() || e[2].Present() {
		testgate.Skip(t, testgate.Swap, fmt.Sprintf("MADV_PAGEOUT left pages in memory: %v", e))
	}
	if !e[1].Swapped() || e[1].Protected() || e[1].Frame() != 0 {
		t.Errorf("a dirty page that was swapped out: %v", e[1])
	}
	a.want(t, m, "present", Query{Mask: Present | Written, Return: Present}, "")
	a.want(t, m, "populated", Query{Mask: Written, AnyOf: Populated, Return: Swapped}, "1-2 SWAPPED")
	a.want(t, m, "collected", collect, "1-2")
	if a.mem[pageSize] != 1 {
		t.Error("the contents are gone")
	}
	a.want(t, m, "swapped in by reading", dirty, "")
	a.write(2)
	a.want(t, m, "written", dirty, "2")
}
