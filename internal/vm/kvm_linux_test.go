package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// KVM is tried once, and what was found holds until the host starts again. On a
// host where KVM runs kernels the machine says that it has it, and elsewhere it
// is emulated and works all the same.
func TestKVM(t *testing.T) {
	c, program := hostMachine(t)
	scratch(t)
	c.KVM = true
	var said []string
	var info []Info
	c.Booted = func(i Info) { info = append(info, i) }
	for range 2 {
		results, err := Run(during(t), c, []Job{{Name: "code", Program: program, Env: []string{actEnv + "=code"}}}, func(s string) { said = append(said, s) })
		if err != nil || len(results) != 1 || results[0].Code != 3 {
			t.Fatalf("%+v, %v", results, err)
		}
	}
	verdicts, err := filepath.Glob(filepath.Join(c.Cache, "kvm-*"))
	if err != nil || len(info) != 2 || info[0].KVM != info[1].KVM {
		t.Fatalf("%v, %+v", err, info)
	}
	kvm, missing := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if missing == nil {
		kvm.Close()
	}
	switch {
	case missing != nil:
		if len(verdicts) != 0 || len(said) != 0 || info[0].KVM {
			t.Errorf("without /dev/kvm: %v, %q, %+v", verdicts, said, info)
		}
	case len(verdicts) != 1:
		t.Errorf("verdicts %v", verdicts)
	case info[0].KVM && len(said) != 0, !info[0].KVM && (len(said) != 1 || !strings.HasPrefix(said[0], "KVM runs no kernel here")):
		t.Errorf("KVM %v, and it said %q", info[0].KVM, said)
	}
	t.Logf("KVM %v: %q", info[0].KVM, said)
}

// The verdict is believed: nothing is tried again.
func TestKVMIsRemembered(t *testing.T) {
	dir := t.TempDir()
	m := machine{Config: Config{KVM: true, QEMU: []string{"no-such-qemu"}, Cache: dir}}
	file, err := m.kvmVerdict()
	if err != nil {
		t.Fatal(err)
	}
	other := m
	other.Args = []string{"-cpu", "max"}
	if second, err := other.kvmVerdict(); err != nil || second == file {
		t.Errorf("one verdict for two machines: %s, %v", second, err)
	}
	for text, want := range map[string]bool{"yes\n": true, "no\n": false} {
		if err := publish(file, text); err != nil {
			t.Fatal(err)
		}
		if got, ok := remembered(file); !ok || got != want {
			t.Errorf("after %q: %v", text, got)
		}
	}
	if err := publish(file, "half"); err != nil {
		t.Fatal(err)
	}
	if _, ok := remembered(file); ok {
		t.Error("a verdict that is none is believed")
	}
}
