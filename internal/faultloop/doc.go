// Package faultloop is a thread that serves page faults and that the Go runtime
// does not know.
//
// A goroutine that touches a page which another goroutine is to provide may sit in
// the middle of memmove, which the runtime can't interrupt: a garbage collection
// waits for it, and the other goroutine for the collection. So whoever serves the
// faults of its own process must need nothing of the runtime. The thread of this
// package comes from a bare clone(2), and runs assembly that calls no function at
// all: it reads messages of a userfaultfd, looks the address up in a table that lies
// outside Go's heap, does what the rule there says, and so on. Package resolver is
// what programs use of it.
//
// # What the thread is
//
// It is a thread of this process (CLONE_THREAD) with a thread pointer of its own
// that points to zeros, a stack with a page beneath that can't be touched, and all
// signals blocked, since the handler of Go would run on it otherwise. It is made by a
// goroutine of this package, so that it inherits nothing that a caller did to the
// thread it runs on. What then changes for all threads that Go knows (setuid,
// capabilities, no_new_privs) does not change it.
//
// All that it works with lies in one mapping, which is populated: a fault that it
// takes itself would end the process, without a word from Go. It ends when it is
// told to, when its descriptor is broken, and when no rule has mapped memory any
// more. The kernel clears ctxTID then, and after that nothing of it is left.
//
// # Files
//
//	block.go        what lies where: the assembly and Go have the same names for it
//	loop.h          the loop, one text for all ports
//	ops_<arch>.h    the words that it is written in
//	loop_linux_<arch>.s  how the thread comes to be
//	block_unsafe_linux.go, region_linux.go   its memory
//	table.go        rules, sorted and written down
//	loop_linux.go   Start, SetRules, Stop
//	ring_linux.go   what it hands over
//
// # Memory order
//
// Words that the thread and Go share are written whole. The table is replaced like
// this: Go swaps sharedTable and then waits while any ctxSeen is the old one; the
// thread writes ctxSeen, then looks at sharedTable again. The ring has one writer and
// one reader: a slot is written before ctxHead, and read before ctxTail. When it
// is full, the thread writes ctxWaiting and then looks at ctxTail again; the reader
// writes ctxTail and then looks at ctxWaiting.
package faultloop
