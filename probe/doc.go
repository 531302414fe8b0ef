// Package probe asks this machine what it offers to the packages of pageslot.
//
// It makes the real calls on memory and descriptors of its own and puts
// everything back. It never looks at the kernel's version. An [Answer] is "yes",
// "no" or "inconclusive"; only the first two say something about the machine.
// A no has its reason and, where there is one, its remedy.
//
// [Run] asks all questions; questions.go lists them. "pageslot probe" prints the
// report, and its -json form is the [Report] itself, so names and fields stay as
// they are: new ones may come, and Schema counts up if an old one changes.
//
//	questions.go      what is asked, in order
//	report.go         the form of the answers
//	uffd_linux.go     userfaultfd
//	memfd_linux.go    memfd_create, seals, memfd_secret
//	pkey_linux.go     protection keys
//	pages_linux.go    PAGEMAP_SCAN, guard regions
//	limits_linux.go   limits of the process and of the system
package probe
