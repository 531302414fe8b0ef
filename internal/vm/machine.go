package vm

import "time"

const kvm = "kvm"

// emulation is the accelerator that runs everywhere. QEMU gives each processor of
// the machine a thread, but for x86 it gets one thread for all: with two, a kernel
// gave up in the midst of a job (QEMU 7.2). It may have been what restarts is
// about. With as many machines as processors on the host, one thread is no slower.
func emulation(goarch string) string {
	if goarch == "amd64" || goarch == "386" {
		return "tcg,thread=single"
	}
	return "tcg"
}

// machine is a Config with all decisions made.
type machine struct {
	Config
	init  string
	accel string
	slow  float64
	log   func(string)
	begin time.Time
	// quiet is how long the machine may say nothing where it should, instead of
	// the usual, before it is stretched.
	quiet time.Duration
}
