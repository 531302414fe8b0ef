package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// runJob runs one job from fresh folders to its exit status. An error is the
// machine's failure, not the job's.
func runJob(i int, list wire.List, console *sender) error {
	job := list.Jobs[i]
	if err := freshen(list); err != nil {
		return err
	}
	if err := makeFiles(job); err != nil {
		return err
	}
	if err := console.text(i, wire.KindStart, ""); err != nil {
		return err
	}
	exit, err := runProgram(i, job, console)
	if err != nil {
		return err
	}
	if err := sendBack(i, job, console); err != nil {
		return err
	}
	return console.json(i, wire.KindExit, exit)
}

// runProgram returns when the program has ended, everything that it started is
// gone, and all that they printed is sent.
func runProgram(i int, job wire.Job, console *sender) (wire.Exit, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return wire.Exit{}, err
	}
	defer null.Close()
	var sending sync.WaitGroup
	outcome := make(chan error, 2)
	stream := func(kind wire.Kind) (*os.File, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		sending.Add(1)
		go func() {
			defer sending.Done()
			defer r.Close()
			_, err := io.CopyBuffer(piece{console, i, kind}, struct{ io.Reader }{r}, make([]byte, wire.MaxPayload))
			outcome <- err
		}()
		return w, nil
	}
	stdout, err := stream(wire.KindOut)
	if err != nil {
		return wire.Exit{}, err
	}
	defer stdout.Close()
	stderr, err := stream(wire.KindErr)
	if err != nil {
		return wire.Exit{}, err
	}
	defer stderr.Close()

	begin := time.Now()
	pid, err := syscall.ForkExec(job.Program, job.Argv, &syscall.ProcAttr{
		Dir:   job.Dir,
		Env:   job.Env,
		Files: []uintptr{null.Fd(), stdout.Fd(), stderr.Fd()},
		Sys: &syscall.SysProcAttr{
			Setsid:     true,
			Credential: &syscall.Credential{Uid: uint32(job.User), Gid: uint32(job.User)},
		},
	})
	if err != nil {
		return wire.Exit{}, fmt.Errorf("its program does not start: %v", err)
	}
	stdout.Close()
	stderr.Close()
	status, timedOut, err := await(pid, job)
	took := time.Since(begin)
	if err != nil {
		return wire.Exit{}, err
	}
	if err := killAll(); err != nil {
		return wire.Exit{}, err
	}
	sending.Wait()
	for n := 0; n < cap(outcome); n++ {
		if err := <-outcome; err != nil {
			return wire.Exit{}, err
		}
	}
	exit := wire.Exit{Code: status.ExitStatus(), TimedOut: timedOut, Took: took}
	if status.Signaled() {
		exit.Signal = status.Signal().String()
	}
	return exit, nil
}

// await waits for the process, and tells it when its time is over. It reaps
// whatever else ends meanwhile: orphans are the children of process 1.
func await(pid int, job wire.Job) (status syscall.WaitStatus, timedOut bool, err error) {
	var mu sync.Mutex
	ended := false
	kill := func(sig syscall.Signal) {
		mu.Lock()
		defer mu.Unlock()
		if !ended { // its number may belong to another by now
			timedOut = true
			syscall.Kill(pid, sig)
		}
	}
	quit := time.AfterFunc(job.Limit, func() { kill(syscall.SIGQUIT) })
	defer quit.Stop()
	end := time.AfterFunc(job.Limit+job.Grace, func() { kill(syscall.SIGKILL) })
	defer end.Stop()
	for {
		one, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return status, false, fmt.Errorf("wait for its program: %v", err)
		}
		if one == pid && (status.Exited() || status.Signaled()) {
			mu.Lock()
			ended = true
			mu.Unlock()
			return status, timedOut, nil
		}
	}
}

// killAll leaves no process but the kernel's and this one.
func killAll() error {
	for {
		if err := syscall.Kill(-1, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("kill what the program left: %v", err)
		}
		_, err := syscall.Wait4(-1, nil, 0, nil)
		if err == syscall.ECHILD {
			return nil
		}
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("wait for what the program left: %v", err)
		}
	}
}
