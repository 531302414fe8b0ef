package faultloop

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A thread that does not leave its table keeps the rules that there are: here it is none
// that runs, only its block.
func TestStuckThread(t *testing.T) {
	l := &Loop{fd: -1, stop: -1, notify: -1}
	block, err := newMemory(ctxSize)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(block)
	for _, m := range []*memory{&l.shared, &l.table} {
		if *m, err = newMemory(sharedSize); err != nil {
			t.Fatal(err)
		}
		defer unix.Munmap(*m)
	}
	old := l.table
	l.shared.store(sharedTable, old.at(0))
	l.threads = []*thread{{block: block, kick: -1}}
	block.store(ctxSeen, old.at(0))
	*block.word(ctxTID) = 1 // both halves of the word are the thread's, or zeros
	if block.load32(ctxTID) == 0 {
		*block.word(ctxTID) = 1 << 32
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.SetRules(ctx, nil); !errors.Is(err, ErrStuck) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if l.shared.load(sharedTable) != old.at(0) || l.table.at(0) != old.at(0) {
		t.Error("the new rules are in force")
	}
	old[0]++ // is mapped
	if l.Ending() {
		t.Error("it ends")
	}
	*block.word(ctxTID) = 0
	if !l.Ending() {
		t.Error("without a thread it goes on")
	}
}
