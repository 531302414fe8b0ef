package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// progress is one line on a terminal that says how far the job is.
type progress struct {
	to io.Writer // nil: nobody watches
	at atomic.Pointer[phase]
}

type phase struct {
	name  string
	total int64 // 0: nothing is counted
}

// newProgress writes to w if that is a terminal.
func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{to: w}
}

// phase says what comes now, in so many steps.
func (p *progress) phase(name string, total int64) { p.at.Store(&phase{name, total}) }

// progressPeriod is how often the line is written.
const progressPeriod = 100 * time.Millisecond

// start writes the line, with the steps done, until the returned function is called;
// that erases it.
func (p *progress) start(done *atomic.Int64) (stop func()) {
	if p.to == nil {
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressPeriod)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				fmt.Fprint(p.to, "\r\x1b[K")
				return
			case <-tick.C:
				fmt.Fprintf(p.to, "\r%s\x1b[K", p.line(done.Load()))
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

func (p *progress) line(done int64) string {
	at := p.at.Load()
	switch {
	case at == nil:
		return ""
	case at.total == 0:
		return at.name
	}
	return fmt.Sprintf("%s: %s of %s", at.name, thousands(uint64(done)), thousands(uint64(at.total)))
}
