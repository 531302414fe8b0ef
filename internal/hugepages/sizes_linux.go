package hugepages

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder has a folder for each size of huge pages of hugetlbfs.
const Folder = "/sys/kernel/mm/hugepages"

// Default is the size in bytes that the kernel takes if none is named, 0 if it has
// no huge pages. /sys tells the sizes, and not which of them this is.
func Default() (size uint64, err error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("the default size of huge pages: %w", err)
	}
	return defaultIn(string(text)), nil
}

func defaultIn(meminfo string) uint64 {
	for line := range strings.Lines(meminfo) {
		var kib uint64
		if _, err := fmt.Sscanf(line, "Hugepagesize: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

// Sizes are those in bytes, in their order, after which folders in folder are
// named: Folder, or that of transparent huge pages, which is made alike. There are
// none if there is no such folder.
func Sizes(folder string) ([]uint64, error) {
	names, err := filepath.Glob(filepath.Join(folder, "hugepages-*kB"))
	if err != nil {
		return nil, fmt.Errorf("sizes of huge pages in %s: %w", folder, err)
	}
	var sizes []uint64
	for _, name := range names {
		var kib uint64
		if _, err := fmt.Sscanf(filepath.Base(name), "hugepages-%dkB", &kib); err != nil {
			return nil, fmt.Errorf("sizes of huge pages: %s: %w", name, err)
		}
		sizes = append(sizes, kib<<10)
	}
	slices.Sort(sizes)
	return sizes, nil
}
