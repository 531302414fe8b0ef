// Package vm starts a machine under QEMU and runs programs in it.
//
// A machine is a kernel image and the arguments for QEMU; it has no disk and no
// network. Its root file system is an initrd that holds an init of this
// repository (the guest folder), the programs, and a list of jobs. The init runs
// one job after the other and tells what they print, the files that are to come
// back and how they ended, in numbered frames with checksums on the serial
// console. So nothing is asked of the kernel but that console: no module, no
// driver, no file system.
//
// What is lost on that way is an error that shows the console, and so is a
// machine that panics, hangs or ends too early. A job without an exit status
// never counts as passed.
//
//	vm.go       what a caller fills in and gets back
//	run*.go     one machine, from start to end
//	qemu*.go    its process
//	kvm*.go     whether KVM runs a kernel here
//	initrd.go   what the machine starts with, as cpio.go writes it
//	build.go    the init, compiled for the machine's port
//	session.go  the frames of one machine, put in order
//	console.go  the beginning and the end of what else the console said
//	elf.go      the port of a program
//	testjob.go  what go test -exec gives, as a job
//
// The initrd is not compressed, unless the machine can't load one of that size: under
// emulation, unpacking takes longer than reading. While a machine starts, its memory holds the initrd twice, and the
// kernel lets files have half of it. So a machine needs four times the size of
// the programs and files of all its jobs, besides what the programs use.
package vm
