// Package probe asks this machine what it offers: userfaultfd, files in memory,
// protection keys, the calls that are about pages, huge pages, and limits.
//
// [Ask] asks one question, such as [GuardInstall], and [Run] asks them all. The
// real calls are made, on memory and descriptors of their own, and everything is
// put back: no descriptor, mapping, key or changed right is left, and nothing can
// hang, because whatever may fault is touched by system calls, which fail with
// EFAULT instead. The kernel's version is never looked at, and its word is not
// taken where it can be tried: write-protection that stops no write is a no.
//
// An [Answer] is "yes", "no" or "inconclusive"; only the first two say something
// about the machine. A no has its reason and, where there is one, its remedy.
// [Answer.Err] makes it an error, so that a test can ask:
//
//	testgate.Need(t, testgate.GuardRegions, probe.Ask(probe.GuardInstall).Err())
//
// Two answers to a question that is [Question.Stable] are the same on the same
// machine; the others are of the moment. "pageslot probe" prints the report, and
// its -json form is the [Report] itself, so names and fields stay as they are:
// new ones may come, and Schema counts up if an old one changes.
//
//	list.go           the questions, in order
//	ask.go            how they are asked
//	report.go         the form of the answers
//	error.go          answers as errors
//	memory_linux.go   the kinds of memory that things are tried on
//	touch_linux.go    accesses that cannot hang
//	uffd_*_linux.go   userfaultfd
//	memfd_linux.go    memfd_create, seals, memfd_secret
//	pkey_linux.go     protection keys
//	pages_linux.go    PAGEMAP_SCAN
//	guard_linux.go    guard regions
//	advice_linux.go   other calls about memory
//	process_linux.go  process_madvise, pidfd, PROCMAP_QUERY
//	thp_linux.go      huge pages
//	limits_linux.go   limits of the process and of the system
package probe
