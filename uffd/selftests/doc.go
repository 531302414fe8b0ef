// Package selftests has only tests: the kernel's own tests of userfaultfd, as Go.
//
// The kernel's tree has them in tools/testing/selftests/mm, in C. Each of their
// cases is written anew here, on the public interface of package uffd, with more
// cases beside it. docs/selftests.md maps every original case to the test that
// stands for it, or says why there is none.
//
// What faults here is not a goroutine: that could hang with the garbage collector.
// It is a process that the Go runtime does not know (internal/rawproc), or a system
// call, which the runtime does know. The exception are descriptors with
// FEATURE_SIGBUS, where nobody waits and the fault is a panic.
//
//	main_linux_test.go        what holds for the whole process
//	area_linux_test.go        memory of every kind
//	hugetlb_linux_test.go     huge pages, asked for and given back
//	descriptor_linux_test.go  descriptors and their messages
//	visit_linux_test.go       processes that fault
//	look_linux_test.go        what memory holds, without a fault
//	check_linux_test.go       what a test must not leave behind
//	docs_test.go              docs/selftests.md names tests that exist
//
// The other files have one group of cases each.
package selftests
