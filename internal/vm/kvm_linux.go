package vm

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// kvmTime is how long a machine under KVM may take for nothing. It takes about a
// second, and many times that under emulation.
const kvmTime = 5 * time.Second

const (
	verdictYes = "yes\n"
	verdictNo  = "no\n"
)

// kvmTrial keeps two trials of one process from slowing each other down.
var kvmTrial sync.Mutex

// useKVM says whether to use KVM. That it can be opened and makes machines does
// not mean that they get on, as within another machine: one has to run.
func (m machine) useKVM(ctx context.Context) bool {
	if !m.KVM || m.Arch != runtime.GOARCH && !(m.Arch == "386" && runtime.GOARCH == "amd64") {
		return false
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	verdict, err := m.kvmVerdict()
	if err != nil {
		m.log("KVM is not used: " + err.Error())
		return false
	}
	kvmTrial.Lock()
	defer kvmTrial.Unlock()
	if known, ok := remembered(verdict); ok {
		return known
	}
	trial := m
	trial.accel, trial.slow, trial.Boot, trial.quiet = kvm, 1, kvmTime, kvmTime
	trial.Booted, trial.log = nil, func(string) {}
	_, err = trial.run(ctx, nil)
	if ctx.Err() != nil {
		return false
	}
	answer := verdictYes
	if err != nil {
		answer = verdictNo
		first, _, _ := strings.Cut(err.Error(), "\n")
		m.log("KVM runs no kernel here, so machines are emulated: " + first)
	}
	if err := publish(verdict, answer); err != nil {
		m.log("the verdict on KVM is not remembered: " + err.Error())
	}
	return err == nil
}

// kvmVerdict is the file that remembers: until the host is started again, for
// this QEMU with these arguments.
func (m machine) kvmVerdict() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(fmt.Sprintf("%q %q %q", boot, m.QEMU, m.Args)))
	return filepath.Join(m.Cache, fmt.Sprintf("kvm-%x", sum[:12])), nil
}

func remembered(verdict string) (yes, ok bool) {
	text, err := os.ReadFile(verdict)
	return string(text) == verdictYes, err == nil && (string(text) == verdictYes || string(text) == verdictNo)
}

func publish(file, text string) error {
	f, err := os.CreateTemp(filepath.Dir(file), "kvm-*.new")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
