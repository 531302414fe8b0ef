package hugepages

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

func TestDefaultIn(t *testing.T) {
	for text, want := range map[string]uint64{
		"": 0,
		"MemTotal:        2048 kB\nHugetlb:               0 kB\n":                0,
		"HugePages_Total:       0\nHugepagesize:       2048 kB\nHugetlb: 4 kB\n": 2 << 20,
		"Hugepagesize:      32768 kB\n":                                          32 << 20,
		"Hugepagesize:      many kB\n":                                           0,
		"Hugepagesize: 16777216 kB\n":                                            16 << 30,
	} {
		if got := defaultIn(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// A file of huge pages, where there are any, has the default size, and /sys has a
// folder for it.
func TestDefault(t *testing.T) {
	size, err := Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	fd, err := sys.MemfdCreate("hugepages", sys.MFD_CLOEXEC|sys.MFD_HUGETLB)
	if err != nil {
		t.Logf("a size of %d bytes, and no file of huge pages: %v", size, err)
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	if uint64(st.Blksize) != size {
		t.Errorf("/proc/meminfo says %d bytes, a file of huge pages %d", size, st.Blksize)
	}
	if sizes, err := Sizes(Folder); err != nil || len(sizes) > 0 && !slices.Contains(sizes, size) { // there may be no /sys
		t.Errorf("%d bytes by default, and the sizes are %d, %v", size, sizes, err)
	}
}

func TestSizes(t *testing.T) {
	folder := t.TempDir()
	if sizes, err := Sizes(filepath.Join(folder, "none")); err != nil || sizes != nil {
		t.Errorf("no folder: %d, %v", sizes, err)
	}
	for _, name := range []string{"hugepages-64kB", "hugepages-1048576kB", "hugepages-2048kB", "khugepaged"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	want := []uint64{64 << 10, 2 << 20, 1 << 30}
	if sizes, err := Sizes(folder); err != nil || !slices.Equal(sizes, want) {
		t.Errorf("%d, %v; want %d", sizes, err, want)
	}
	if err := os.Mkdir(filepath.Join(folder, "hugepages-manykB"), 0o700); err != nil {
		t.Fatal(err)
	}
	if sizes, err := Sizes(folder); err == nil {
		t.Errorf("a folder of no number: %d", sizes)
	}
}
