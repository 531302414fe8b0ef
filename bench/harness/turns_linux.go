package harness

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// worker is a process of one side. It says when it is ready, takes a sample when
// it gets a line, and ends when there are no more.
type worker struct {
	name   string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	in     io.WriteCloser
	out    *bufio.Scanner
	errors bytes.Buffer
	values int
}

// patience is for a worker that does not end by itself; it is far more than any
// needs, on slow machines too.
const patience = 10 * time.Minute

// The exit statuses of a worker that cannot go on; c/bench.h has them too.
const (
	statusFailed      = 1
	statusUnsupported = 3
)

func start(cpu, procs int, command []string, values int) (*worker, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w := &worker{name: strings.Join(append([]string{filepath.Base(command[0])}, command[1:]...), " "), cancel: cancel, values: values}
	w.cmd = exec.CommandContext(ctx, command[0], command[1:]...)
	w.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
	w.cmd.Stderr = &w.errors
	w.cmd.WaitDelay = 5 * time.Second
	in, err := w.cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	w.in, w.out = in, bufio.NewScanner(out)
	if err := startPinned(w.cmd, cpu); err != nil {
		cancel()
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	if err := w.ready(); err != nil {
		return nil, err
	}
	return w, nil
}

// ready waits until a sample can be taken. If that will not be, the worker has
// ended when it returns.
func (w *worker) ready() error {
	if w.out.Scan() && w.out.Text() == "ready" {
		return nil
	}
	return w.fail(fmt.Errorf("%q came instead of a word that it is ready", w.out.Text()))
}

// sample lets the worker take one.
func (w *worker) sample() (values []float64, allocs float64, err error) {
	if _, err := io.WriteString(w.in, "sample\n"); err != nil {
		return nil, 0, w.fail(err)
	}
	if !w.out.Scan() {
		return nil, 0, w.fail(io.ErrUnexpectedEOF)
	}
	values, allocs, err = parseSample(w.out.Text(), w.values)
	if err != nil {
		return nil, 0, w.fail(err)
	}
	return values, allocs, w.ready()
}

// parseSample reads as many numbers, and behind them what was allocated, which the
// C side leaves out.
func parseSample(line string, n int) (values []float64, allocs float64, err error) {
	fields := strings.Fields(line)
	if len(fields) == n+1 {
		text, ok := strings.CutPrefix(fields[n], "allocs=")
		if allocs, err = strconv.ParseFloat(text, 64); err != nil || !ok {
			return nil, 0, fmt.Errorf("%q is no sample", line)
		}
		fields = fields[:n]
	}
	for _, f := range fields {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil || !(v > 0) {
			return nil, 0, fmt.Errorf("%q is no sample", line)
		}
		values = append(values, v)
	}
	if len(values) != n {
		return nil, 0, fmt.Errorf("%q is no sample of %d values", line, n)
	}
	return values, allocs, nil
}

// fail ends a worker that does not do what it should, and says why.
func (w *worker) fail(why error) error {
	_ = w.in.Close()
	// One that has ended by itself has said why on its way out.
	time.AfterFunc(time.Second, w.cancel)
	err := w.cmd.Wait()
	w.cancel()
	w.cancel = nil
	exit, _ := errors.AsType[*exec.ExitError](err)
	said := strings.TrimSpace(w.errors.String())
	switch {
	case exit != nil && exit.ExitCode() == statusUnsupported:
		return fmt.Errorf("%w: %s", errors.ErrUnsupported, said)
	case exit != nil:
		return fmt.Errorf("%s: %w: %s", w.name, exit, said)
	}
	return fmt.Errorf("%s: %w: %s", w.name, why, said)
}

// end lets the worker end. After a failure it has ended.
func (w *worker) end() error {
	if w.cancel == nil {
		return nil
	}
	defer w.cancel()
	err := w.in.Close()
	if waited := w.cmd.Wait(); waited != nil {
		err = fmt.Errorf("%s: %w: %s", w.name, waited, strings.TrimSpace(w.errors.String()))
	}
	return err
}
