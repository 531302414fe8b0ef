package sys_test

import (
	"testing"

	"github.com/pageslot/pageslot/sys"
)

func TestIoc(t *testing.T) {
	for _, c := range []struct {
		name          string
		cmd           uintptr
		kind, nr      uint
		size          uint
		reads, writes bool
	}{
		{"UFFDIO_API", sys.UFFDIO_API, 0xAA, 0x3F, 24, true, true},
		{"UFFDIO_COPY", sys.UFFDIO_COPY, 0xAA, 3, 40, true, true},
		{"UFFDIO_WAKE", sys.UFFDIO_WAKE, 0xAA, 2, 16, true, false},
		{"UFFDIO_SET_MODE", sys.UFFDIO_SET_MODE, 0xAA, 10, 16, false, true},
		{"USERFAULTFD_IOC_NEW", sys.USERFAULTFD_IOC_NEW, 0xAA, 0, 0, false, false},
		{"PAGEMAP_SCAN", sys.PAGEMAP_SCAN, 'f', 16, 96, true, true},
	} {
		if sys.IocType(c.cmd) != c.kind || sys.IocNr(c.cmd) != c.nr || sys.IocSize(c.cmd) != c.size ||
			sys.IocReads(c.cmd) != c.reads || sys.IocWrites(c.cmd) != c.writes {
			t.Errorf("%s = %#x: type %#x, number %d, %d bytes, reads %v, writes %v; want %+v", c.name, c.cmd,
				sys.IocType(c.cmd), sys.IocNr(c.cmd), sys.IocSize(c.cmd), sys.IocReads(c.cmd), sys.IocWrites(c.cmd), c)
		}
	}
}
