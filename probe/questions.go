package probe

import (
	"context"
	"runtime"
)

// question is a stable name and what it asks.
type question struct{ name, asks string }

var questions = []question{
	{"userfaultfd.syscall", "userfaultfd(2), serving the kernel's own faults too"},
	{"userfaultfd.user-mode-only", "userfaultfd(2) with UFFD_USER_MODE_ONLY"},
	{"userfaultfd.device", "/dev/userfaultfd"},
	{"userfaultfd.open", "a descriptor by any of these"},
	{"userfaultfd.features", "the handshake UFFDIO_API, and the features that it offers"},

	{"memfd.create", "memfd_create(2), and what a file is without further flags"},
	{"memfd.seals", "sealing, and the seals that there are"},
	{"memfd.noexec-seal", "MFD_NOEXEC_SEAL"},
	{"memfd.exec", "MFD_EXEC"},
	{"memfd.hugetlb", "MFD_HUGETLB, and the sizes of huge pages that there are"},
	{"memfd.hugetlb-page", "a huge page of the default size for a mapping"},
	{"memfd.secret", "memfd_secret(2)"},

	{"pkey", "protection keys"},

	{"pagemap.scan", "PAGEMAP_SCAN on a mapping with one page in use"},
	{"pagemap.categories", "the categories of pages that it knows"},
	{"guard.install", "MADV_GUARD_INSTALL, and that the page is out of reach then"},

	{"limits.mappings", "room for 60,000 more mappings (a slot in use takes 2 to 4)"},
	{"limits.overcommit", "reservations that do not count as memory"},
	{"limits.address-space", "no limit on the process's address space"},
	{"limits.locked", "mappings that are not locked in memory from the start"},
}

// Run asks all questions. It ends early, with Complete false, if ctx ends.
func Run(ctx context.Context) Report {
	r := Report{Schema: Schema, OS: runtime.GOOS, Arch: runtime.GOARCH}
	for _, q := range questions {
		if ctx.Err() != nil {
			return r
		}
		a := ask(q.name)
		a.Name, a.Asks = q.name, q.asks
		r.Answers = append(r.Answers, a)
	}
	r.Limits = limits()
	r.Complete = true
	return r
}
