package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// session follows what one machine says. It has no clock and no process: lines
// go in, and what they mean comes out.
type session struct {
	jobs    []Job
	decoder wire.Decoder
	console ends // what the machine says beside the frames

	hello     *wire.Hello
	running   bool // job number len(results) has started
	results   []Result
	back      *backFiles // of the running job
	bye       bool
	frames    int
	panicAt   string // what the kernel said when it gave up
	panicOver bool   // the kernel has said all that it will say
}

func newSession(word string, jobs []Job) *session {
	return &session{jobs: jobs, decoder: wire.Decoder{Word: word}}
}

// line takes one line of the console. After an error the machine is worth
// nothing.
func (s *session) line(line []byte) error {
	f, found, noise, err := s.decoder.Line(line)
	if text := strings.TrimSpace(string(noise)); text != "" {
		s.console.Write([]byte(text + "\n"))
		s.lookForPanic(text)
	}
	switch {
	case err != nil:
		return fmt.Errorf("its console lost something: %w", err)
	case !found:
		return nil
	}
	s.frames++
	return s.frame(f)
}

// The kernel's words, the first before its trace and the others after it.
const (
	panicBegins = "Kernel panic - not syncing"
	panicEnds   = "---[ end Kernel panic"
	panicReboot = "Rebooting in "
)

func (s *session) lookForPanic(text string) {
	for _, sign := range []string{panicEnds, panicBegins} { // the second is part of the first's line
		if i := strings.Index(text, sign); i >= 0 {
			if s.panicAt == "" {
				s.panicAt = text[i:]
			}
			s.panicOver = s.panicOver || sign == panicEnds
			break
		}
	}
	if s.panicAt != "" && strings.Contains(text, panicReboot) {
		s.panicOver = true
	}
}

// done says that every job has its exit status and the machine has no more to
// say.
func (s *session) done() bool { return s.bye }

// current is the job that the machine is busy with.
func (s *session) current() string {
	if len(s.results) < len(s.jobs) {
		return s.jobs[len(s.results)].Name
	}
	return ""
}

func (s *session) frame(f wire.Frame) error {
	if f.Kind == wire.KindFail {
		return fmt.Errorf("its init cannot go on: %s", f.Payload)
	}
	if err := s.order(f); err != nil {
		return fmt.Errorf("frame %d (%s) makes no sense: %w", f.Number, f.Kind, err)
	}
	switch f.Kind {
	case wire.KindHello:
		s.hello = new(wire.Hello)
		return asked(json.Unmarshal(f.Payload, s.hello), f)
	case wire.KindStart:
		s.running = true
		s.back = &backFiles{back: s.jobs[f.Job].Back}
	case wire.KindOut:
		return s.print(f, "standard output")
	case wire.KindErr:
		return s.print(f, "standard error")
	case wire.KindFile:
		var file wire.File
		if err := asked(json.Unmarshal(f.Payload, &file), f); err != nil {
			return err
		}
		return s.back.begin(file)
	case wire.KindData:
		return s.back.data(f.Payload)
	case wire.KindExit:
		return s.exit(f)
	case wire.KindBye:
		s.bye = true
	}
	return nil
}

// order says whether this kind of frame may come now.
func (s *session) order(f wire.Frame) error {
	switch f.Kind {
	case wire.KindHello, wire.KindBye:
		if f.Job != wire.NoJob {
			return fmt.Errorf("it belongs to job %d", f.Job)
		}
		if (s.hello != nil) != (f.Kind == wire.KindBye) {
			return errors.New("it comes at the wrong time")
		}
		if f.Kind == wire.KindBye && len(s.results) < len(s.jobs) {
			return fmt.Errorf("job %s has no exit status", s.current())
		}
	case wire.KindStart, wire.KindOut, wire.KindErr, wire.KindFile, wire.KindData, wire.KindExit:
		if s.hello == nil {
			return errors.New("it comes before the first")
		}
		if f.Job != len(s.results) || f.Job >= len(s.jobs) {
			return fmt.Errorf("it belongs to job %d", f.Job)
		}
		if s.running != (f.Kind != wire.KindStart) {
			return errors.New("it comes at the wrong time")
		}
	default:
		return errors.New("nobody knows its kind")
	}
	if s.bye {
		return errors.New("it comes after the last")
	}
	return nil
}

func asked(err error, f wire.Frame) error {
	if err != nil {
		return fmt.Errorf("frame %d (%s) makes no sense: %w", f.Number, f.Kind, err)
	}
	return nil
}

func (s *session) print(f wire.Frame, what string) error {
	to := s.jobs[f.Job].Stdout
	if f.Kind == wire.KindErr {
		to = s.jobs[f.Job].Stderr
	}
	if to == nil {
		return nil
	}
	if _, err := to.Write(f.Payload); err != nil {
		return fmt.Errorf("nobody takes the %s of job %s: %w", what, s.jobs[f.Job].Name, err)
	}
	return nil
}

func (s *session) exit(f wire.Frame) error {
	var exit wire.Exit
	if err := asked(json.Unmarshal(f.Payload, &exit), f); err != nil {
		return err
	}
	if err := s.back.deliver(); err != nil {
		return fmt.Errorf("the files of job %s: %w", s.jobs[f.Job].Name, err)
	}
	s.running = false
	s.results = append(s.results, Result{Code: exit.Code, Signal: exit.Signal, TimedOut: exit.TimedOut, Took: exit.Took})
	return nil
}
