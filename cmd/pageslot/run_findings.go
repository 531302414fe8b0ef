package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// A finding is something that was not as it has to be.
type finding struct {
	What string `json:"what"`
	// Slot is -1 for what concerns no single slot.
	Slot   int    `json:"slot"`
	Image  string `json:"image,omitempty"`
	Offset int64  `json:"offset"`
	// Want and Got are bytes in hex, if bytes differed.
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
}

func (f finding) String() string {
	s := f.What
	if f.Slot >= 0 {
		s = fmt.Sprintf("slot %d", f.Slot)
		if f.Image != "" {
			s += " (" + f.Image + ")"
		}
		s += fmt.Sprintf(" at offset %#x: %s", f.Offset, f.What)
	}
	if f.Want != "" {
		s += fmt.Sprintf(": want %s, got %s", f.Want, f.Got)
	}
	return s
}

const (
	// mostKept is how many findings are kept for the report.
	mostKept = 10
	// mostFindings is where a job gives up: it will not get any better.
	mostFindings = 1000
)

// findings collects from all workers.
type findings struct {
	n     atomic.Int64
	mu    sync.Mutex
	first []finding
	stuck atomic.Bool // nobody gets anything done
}

func (f *findings) add(x finding) {
	f.n.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.first) < mostKept {
		f.first = append(f.first, x)
	}
}

// general adds what concerns no single slot; a nil error is none.
func (f *findings) general(what string, err error) {
	if err == nil {
		return
	}
	// Of errors that are joined, the first: a finding is one line.
	first, more, _ := strings.Cut(err.Error(), "\n")
	if more != "" {
		first += fmt.Sprintf(" (and %d lines more)", 1+strings.Count(more, "\n"))
	}
	f.add(finding{What: what + ": " + first, Slot: -1})
}

// tooMany tells whether the job gives up.
func (f *findings) tooMany() bool { return f.n.Load() >= mostFindings || f.stuck.Load() }

func hexByte(b byte) string { return fmt.Sprintf("0x%02x", b) }
