package vm

import (
	"io"
	"time"
)

// Config says what machine to start.
type Config struct {
	QEMU   []string // the program, and what comes first: {"qemu-system-aarch64"}
	Args   []string // -machine, -cpu, -m, -smp, -device; package vm adds kernel, initrd, console and accelerator
	Kernel string   // the kernel image, a file
	Append string   // the kernel's command line: "console=ttyS0"; package vm adds what it needs
	Arch   string   // the kernel's port, as GOARCH; programs may also be 386 on amd64, arm on arm64

	// KVM says that KVM may be used. It is, if Arch is the host's (or 386 on
	// amd64) and KVM really runs this kernel: that is tried once, and remembered
	// until the host is started again.
	KVM bool
	// Slow is how many times slower than the host the machine is under emulation:
	// a number from 1 up; 0 means 1. It stretches deadlines and becomes
	// PAGESLOT_TIME_SCALE in the guest. Under KVM it is 1.
	Slow float64
	// Boot is how long the machine may take until its init speaks, before it is
	// stretched. 0 means 20 seconds, and a minute at least once stretched.
	Boot time.Duration
	// Initrd is the size in bytes of the largest initrd that the machine can load. A
	// larger one is compressed. 0 means that there is no limit.
	Initrd int64
	// Sysctl is written by the init: "vm.nr_hugepages": "16".
	Sysctl map[string]string
	// Cache is a folder for compiled inits and the verdicts on KVM.
	Cache string
	// Booted, if it is not nil, is called when the init has spoken.
	Booted func(Info)
}

// Info is what the machine says of itself, for people to read.
type Info struct {
	Kernel   string // "Linux 6.1.0-13-arm64 #1 SMP ..."
	PageSize int
	Memory   uint64 // bytes that the kernel manages
	CPUs     int
	KVM      bool
	Boot     time.Duration // from the start of QEMU until the init spoke
}

// Job is a program that the machine runs. The machine's files are fresh for each
// job, and nothing that an earlier one started is left.
type Job struct {
	Name    string
	Program string        // a static ELF file on the host
	Args    []string      // without the program's name
	Env     []string      // beside HOME, TMPDIR, PATH, PWD and PAGESLOT_TIME_SCALE, which it may replace
	Dir     string        // the working folder in the guest, absolute; it belongs to User; "" means /tmp
	User    int           // user and group
	Files   []File        // copied into the guest before; they belong to User
	Back    []File        // copied out of the guest afterwards; what is not there is left out
	Limit   time.Duration // at the host's speed; then it gets SIGQUIT, and later SIGKILL; 0 means 10 minutes
	Stdout  io.Writer     // nil: nobody reads it
	Stderr  io.Writer
}

// File is a file or a folder with all that is in it, on the host and in the guest.
type File struct {
	Host, Guest string
	// Append adds to the host's file instead of replacing it, and Folder makes an
	// empty folder in the guest before the job starts. Both are for Back.
	Append, Folder bool
}

// Result is how a job ended.
type Result struct {
	Code     int    // the exit code; -1 if a signal ended it
	Signal   string // the signal that ended it, as in "segmentation fault"
	TimedOut bool   // it ran past its limit
	Took     time.Duration
}

// Passed says that the job ended by itself with exit code 0.
func (r Result) Passed() bool { return r.Code == 0 && r.Signal == "" && !r.TimedOut }
