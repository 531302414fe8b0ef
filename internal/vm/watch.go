package vm

import (
	"fmt"
	"time"
)

// How long a machine may be silent, before it is stretched.
const (
	defaultBoot  = 20 * time.Second
	leastBoot    = time.Minute
	defaultQuiet = 30 * time.Second // where it has nothing to do but to talk
	panicTail    = 5 * time.Second  // for what the kernel says after a panic
	powerOffTime = 3 * time.Second  // not stretched: nobody needs the machine any more
)

// watch knows until when the machine has to say something.
type watch struct {
	m      machine
	until  time.Time
	frames int
	ran    bool // one was running
	panic  bool
	done   bool
	doing  string
	busy   time.Time // the running job may be silent until then
}

func (m machine) newWatch() *watch {
	boot := stretch(m.Boot, m.slow)
	if m.Boot == 0 {
		boot = max(stretch(defaultBoot, m.slow), leastBoot)
	}
	return &watch{m: m, until: m.begin.Add(boot), doing: fmt.Sprintf("no word from the machine within %v", boot.Round(time.Second))}
}

// see says whether until has changed, after a line was taken.
func (w *watch) see(s *session) bool {
	now := time.Now()
	before := w.until
	switch {
	case s.done() && !w.done:
		w.done = true
		w.until = now.Add(powerOffTime)
	case s.panicAt != "" && !w.panic:
		w.panic = true
		w.until = now.Add(stretch(panicTail, min(w.m.slow, 4)))
	case s.done(), s.panicAt != "", s.frames == w.frames:
	default:
		w.frame(s, now)
	}
	return w.until != before
}

func (w *watch) frame(s *session, now time.Time) {
	if w.frames == 0 {
		w.booted(s)
	}
	w.frames = s.frames
	quiet := w.m.quiet
	if quiet == 0 {
		quiet = defaultQuiet
	}
	quiet = stretch(quiet, w.m.slow)
	if s.running && !w.ran {
		j := s.jobs[len(s.results)]
		w.busy = now.Add(stretch(j.limit(), w.m.slow) + stretch(grace, min(w.m.slow, 10)))
		w.doing = fmt.Sprintf("no word from the machine while job %s ran, long after its limit of %v", j.Name, stretch(j.limit(), w.m.slow))
	}
	if w.ran = s.running; !w.ran {
		w.busy = now
		w.doing = fmt.Sprintf("no word from the machine for %v when job %s had to start", quiet, s.current())
		if s.current() == "" {
			w.doing = fmt.Sprintf("no word from the machine for %v after its last job", quiet)
		}
	}
	w.until = now.Add(quiet)
	if w.busy.After(now) {
		w.until = w.busy.Add(quiet)
	}
}

func (w *watch) booted(s *session) {
	for _, note := range s.hello.Notes {
		w.m.log("machine: " + note)
	}
	if w.m.Booted != nil {
		w.m.Booted(Info{Kernel: s.hello.Kernel, PageSize: s.hello.PageSize, Memory: s.hello.Memory, CPUs: s.hello.CPUs,
			KVM: w.m.accel == kvm, Boot: time.Since(w.m.begin)})
	}
}

func (w *watch) why() string { return w.doing }
