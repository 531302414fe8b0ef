package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// setUp makes a machine of what the kernel hands over, once.
func setUp(list wire.List) (notes []string, err error) {
	syscall.Umask(0o022)
	if notes, err = mountAll(); err != nil {
		return nil, err
	}
	// The kernel's talk would come between the frames. A panic is still shown.
	if err := os.WriteFile("/proc/sys/kernel/printk", []byte("1"), 0); err != nil {
		return nil, err
	}
	now := syscall.NsecToTimeval(list.Now)
	if err := syscall.Settimeofday(&now); err != nil {
		notes = append(notes, fmt.Sprintf("the clock is not set: %v", err))
	}
	if err := syscall.Sethostname([]byte("pageslot")); err != nil {
		notes = append(notes, fmt.Sprintf("the host has no name: %v", err))
	}
	if err := loopbackUp(); err != nil {
		notes = append(notes, fmt.Sprintf("there is no loopback network: %v", err))
	}
	// Programs raise the soft limit themselves, as far as this one.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1024, Max: 1 << 19}); err != nil {
		notes = append(notes, fmt.Sprintf("the limit of open files is the kernel's: %v", err))
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		notes = append(notes, fmt.Sprintf("core dumps are not switched off: %v", err))
	}
	return notes, nil
}

// setSysctl writes one setting: "vm.nr_hugepages" is a file below /proc/sys.
func setSysctl(name, value string) error {
	file := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
	if err := os.WriteFile(file, []byte(value), 0); err != nil {
		return fmt.Errorf("sysctl %s=%s: %v", name, value, err)
	}
	return nil
}

func readWord(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(text))
}

// ownFolders are all that the root folder has between jobs.
var ownFolders = map[string]bool{
	"dev": true, "proc": true, "sys": true, "tmp": true, "run": true, "etc": true,
	filepath.Base(wire.Home): true, "init": true,
}

// freshen makes folders and settings as no job has touched them.
func freshen(list wire.List) error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ownFolders[e.Name()] {
			continue
		}
		if err := os.RemoveAll("/" + e.Name()); err != nil {
			return err
		}
	}
	if err := remountScratch(); err != nil {
		return err
	}
	if err := writeUsers(); err != nil {
		return err
	}
	for name, value := range list.Sysctl {
		if err := setSysctl(name, value); err != nil {
			return err
		}
	}
	return nil
}

// writeUsers makes the files by which programs look users up.
func writeUsers() error {
	if err := os.RemoveAll("/etc"); err != nil {
		return err
	}
	if err := os.Mkdir("/etc", 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/tmp:/\nnobody:x:65534:65534:nobody:/tmp:/\n",
		"group":  "root:x:0:\nnogroup:x:65534:\n",
		"hosts":  "127.0.0.1 localhost pageslot\n::1 localhost\n",
	} {
		if err := os.WriteFile("/etc/"+name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
