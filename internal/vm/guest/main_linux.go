package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: this is the init of a machine, and process 1 alone")
		os.Exit(1)
	}
	if err := run(); err != nil {
		// The host has given us no word yet, or does not listen any more. It shows
		// what a machine says that ends without its frames.
		fmt.Printf("\ninit: %v\n", err)
	}
	powerOff()
}

// run does what the list says. Its error is what could not even be told in a
// frame.
func run() error {
	list, err := readList()
	if err != nil {
		return err
	}
	console := &sender{word: list.Word}
	if err := work(list, console); err != nil {
		return console.text(wire.NoJob, wire.KindFail, err.Error())
	}
	return console.text(wire.NoJob, wire.KindBye, "")
}

func readList() (wire.List, error) {
	var list wire.List
	text, err := os.ReadFile(wire.ListFile)
	if err != nil {
		return list, fmt.Errorf("the initrd has no list of jobs, the machine may have too little memory for it: %v", err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return list, fmt.Errorf("the list of jobs: %v", err)
	}
	return list, nil
}

func work(list wire.List, console *sender) error {
	if _, err := os.Stat(wire.EndFile); err != nil {
		return fmt.Errorf("the machine has too little memory for its initrd: %v", err)
	}
	notes, err := setUp(list)
	if err != nil {
		return err
	}
	if err := console.json(wire.NoJob, wire.KindHello, hello(notes)); err != nil {
		return err
	}
	for i := range list.Jobs {
		if err := runJob(i, list, console); err != nil {
			return fmt.Errorf("job %s: %v", list.Jobs[i].Name, err)
		}
	}
	return nil
}

// hello is for people: nothing is decided by it.
func hello(notes []string) wire.Hello {
	h := wire.Hello{PageSize: os.Getpagesize(), CPUs: runtime.NumCPU(), Notes: notes}
	for i, name := range []string{"ostype", "osrelease", "version"} {
		if i > 0 {
			h.Kernel += " "
		}
		h.Kernel += readWord("/proc/sys/kernel/" + name)
	}
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) == nil {
		h.Memory = uint64(info.Totalram) * uint64(info.Unit)
	}
	return h
}

// powerOff does not return. A machine that cannot be switched off restarts, and
// QEMU is told to end then.
func powerOff() {
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	time.Sleep(time.Second)
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)
	for {
		time.Sleep(time.Hour)
	}
}
