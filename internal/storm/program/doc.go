// Program makes a storm (package storm). It is a program so that it can be built in
// every way in which Go programs are.
//
//	program [-pages 20000] [-procs 0] [-accesses copy,clear] [-disturbances collector,greed] [-goroutine]
//
// It prints what happened and exits with 0, or prints an error and exits with 1; with
// 3 if this machine can't have a storm. testdata has the files of its variant that uses
// cgo: tests give them to the go command, since nothing in this repository uses it.
package main
