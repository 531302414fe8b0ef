package hugepages

import (
	"testing"
	"time"
)

// A Keeper takes what is missing, keeps it from one test to the next, and gives it
// back once.
func TestKeeper(t *testing.T) {
	p := newPool(t, 3, 3, 0)
	var k Keeper
	for _, step := range []struct{ need, have int }{{2, 5}, {1, 5}, {2, 5}, {6, 9}, {4, 9}} {
		p.set(t, "free_hugepages", step.have)
		t.Run("", func(t *testing.T) {
			if err := k.need(t, p, size, step.need, time.Second); err != nil {
				t.Error(err)
			}
		})
		p.check(t, "kept", step.have)
	}
	t.Run("twice in one test", func(t *testing.T) {
		for _, want := range []int{9, 13} {
			p.set(t, "free_hugepages", 5)
			if err := k.need(t, p, size, 5, time.Second); err != nil {
				t.Error(err)
			}
			p.check(t, "both at once", want)
		}
	})
	for range 2 {
		if err := k.release(func(uint64) pool { return p }); err != nil {
			t.Error(err)
		}
		p.check(t, "given back", 3)
	}
}

// A Keeper that may not ask says so each time, and has nothing to give back.
func TestKeeperRefused(t *testing.T) {
	p := emptyPool(t)
	var k Keeper
	for range 2 {
		if err := k.need(t, p, size, 1, time.Second); !refused(err) {
			t.Errorf("%v", err)
		}
	}
	if err := k.release(func(uint64) pool { return p }); err != nil {
		t.Error(err)
	}
}
