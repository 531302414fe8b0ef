package manager

import (
	"errors"
	"sync"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Close may come while Add asks about the descriptor. What it asks with stays until it
// has.
func TestCloseWhileAdded(t *testing.T) {
	atEnd(t)
	d, mem := mine(t)
	for range testgate.Rounds(50, 10) {
		m, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		var adds, begun sync.WaitGroup
		begun.Add(2)
		for range 2 {
			adds.Go(func() {
				for i := 0; ; i++ {
					if i == 1 {
						begun.Done()
					}
					_, err := m.Add(d, Process{Regions: []Region{{Range: uffd.RangeOf(mem)}}})
					if errors.Is(err, ErrClosed) {
						return
					}
					if !errors.Is(err, ErrOwnProcess) {
						t.Errorf("%v", err)
						return
					}
				}
			})
		}
		begun.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		adds.Wait()
		if m.shared.nothing != nil || len(m.processes) != 0 {
			t.Error("the Manager still has memory or processes")
		}
	}
}
