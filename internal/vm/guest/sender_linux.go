package main

import (
	"encoding/json"
	"sync"
	"syscall"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// console is the descriptor that the kernel opened for its init.
const console = 1

// sender writes frames on the console, and numbers them.
type sender struct {
	word string
	mu   sync.Mutex
	last int
}

func (s *sender) frame(job int, kind wire.Kind, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	line := wire.Frame{Number: s.last, Job: job, Kind: kind, Payload: payload}.Encode(s.word)
	for len(line) > 0 {
		n, err := syscall.Write(console, line)
		if err != nil && err != syscall.EINTR && err != syscall.EAGAIN {
			return err
		}
		if n > 0 {
			line = line[n:]
		}
	}
	return nil
}

func (s *sender) text(job int, kind wire.Kind, text string) error {
	if len(text) > wire.MaxPayload {
		text = text[:wire.MaxPayload]
	}
	return s.frame(job, kind, []byte(text))
}

func (s *sender) json(job int, kind wire.Kind, v interface{}) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.frame(job, kind, payload)
}

// piece is a Writer of one job's output or file.
type piece struct {
	to   *sender
	job  int
	kind wire.Kind
}

func (p piece) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n := len(b) - done
		if n > wire.MaxPayload {
			n = wire.MaxPayload
		}
		if err := p.to.frame(p.job, p.kind, b[done:done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}
