// Package matrix has the machines on which pageslot's tests run, and runs them.
//
// What there is, is data: testdata/kernels.json lists kernels by package and
// SHA-256, testdata/machines.json how each is emulated, and testdata/expect what
// each machine shows: the answers of the probe and the skips of the tests.
// Whatever differs from that is a failure, an extra skip as much as one that has
// vanished.
//
// Kernels, and QEMU where the installed one is too old, come from package debian;
// package vm starts the machines. All tests of a machine run in one start of it,
// as root and as an ordinary user.
//
//	data.go      the data, read
//	validate.go  and checked
//	find.go      which machine is meant
//	qemu.go      which QEMU, installed or unpacked
//	resolve.go   a machine that can be started
//	build.go     the programs, with the go command
//	lanes.go     machines beside each other
//	run.go       a run of the matrix
//	jobs.go      what each machine does in it
//	tally.go     what test binaries print
//	expect.go    what is committed of a machine
//	compare.go   how what was seen differs
//	report.go    lines and tables
//	docs.go      the table of docs/kernel-support.md
package matrix
