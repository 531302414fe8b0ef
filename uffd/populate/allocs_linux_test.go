package populate

import (
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

func TestAllocatesNothing(t *testing.T) {
	needed(t)
	a := anon(t, 16)
	f := func(mem []byte) error { mem[0]++; return nil }
	for name, call := range map[string]func() error{
		"Read":  func() error { _, err := Read(t.Context(), a.mem); return err },
		"Write": func() error { _, err := Write(t.Context(), a.mem); return err },
		"Range": func() error {
			_, err := Range(t.Context(), a.all(), Options{Chunk: pageSize, Access: ForWrite})
			return err
		},
		"Do": func() error { return Do(t.Context(), a.mem, Options{}, f) },
	} {
		n := testing.AllocsPerRun(testgate.Rounds(100, 20), func() {
			a.discard(t)
			if err := call(); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 && conversionsAllocate() {
			testgate.Skip(t, testgate.Plain, "in this build a variable whose address becomes a number is on the heap")
		}
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
