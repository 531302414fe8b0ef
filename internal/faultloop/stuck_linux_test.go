package faultloop

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stuck is a loop with one thread, which looks at the table: it is none that runs, only
// its block.
func stuck(t *testing.T) (l *Loop, block memory) {
	l = &Loop{fd: -1, stop: -1, notify: -1}
	block, err := newMemory(ctxSize)
	if err != nil {
		t.Fatal(err)
	}
	l.threads = []*thread{{mem: block, block: block, kick: -1}}
	t.Cleanup(l.close)
	for _, m := range []*memory{&l.shared, &l.table} {
		if *m, err = newMemory(sharedSize); err != nil {
			t.Fatal(err)
		}
	}
	l.shared.store(sharedTable, l.table.at(0))
	block.store(ctxSeen, l.table.at(0))
	*block.word(ctxTID) = 1 // both halves of the word are the thread's, or zeros
	if block.load32(ctxTID) == 0 {
		*block.word(ctxTID) = 1 << 32
	}
	return l, block
}

// fails replaces the rules, which the thread does not let happen.
func fails(t *testing.T, l *Loop) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.SetRules(ctx, nil); !errors.Is(err, ErrStuck) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// A thread that does not leave its table keeps the rules that there are.
func TestStuckThread(t *testing.T) {
	l, block := stuck(t)
	old := l.table
	fails(t, l)
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

// A thread may have taken rules that were given up. Later ones are in force only when it
// has left those, too; then all are unmapped.
func TestStuckThreadTookNew(t *testing.T) {
	l, block := stuck(t)
	fails(t, l)
	taken := l.stuck[0]
	block.store(ctxSeen, taken.at(0))
	fails(t, l)
	if t.Failed() {
		return
	}
	taken[0]++ // is mapped
	all := append([]memory{l.table}, l.stuck...)
	block.store(ctxSeen, 0)
	if err := l.SetRules(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		if err := unix.Munmap(m); !errors.Is(err, unix.EINVAL) {
			t.Errorf("table %d: %v, want none that is mapped", i, err)
		}
	}
}
