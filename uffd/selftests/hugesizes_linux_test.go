package selftests

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/internal/machine"
	"github.com/pageslot/pageslot/testgate"
)

const thpFolder = "/sys/kernel/mm/transparent_hugepage"

// sizesIn are the sizes after which folders are named, as far as they are not too
// large to try.
func sizesIn(t *testing.T, folder string) []uint64 {
	t.Helper()
	sizes, err := hugepages.Sizes(folder)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(sizes, func(size uint64) bool { return size > largestHuge })
}

// thpSizes are those of transparent huge pages. Before Linux 6.8 there is one, and
// of shared memory before 6.12. (Of private memory there is none of two pages.)
func thpSizes(t *testing.T, shared bool) []uint64 {
	t.Helper()
	sizes := slices.DeleteFunc(sizesIn(t, thpFolder), func(size uint64) bool {
		_, err := os.Stat(thpSetting(size, shared))
		return err != nil
	})
	if size, ok := machine.HugePageSize(); ok && size <= largestHuge && len(sizes) == 0 {
		return []uint64{size}
	}
	return sizes
}

// thpSetting is the file that decides about transparent huge pages of a size.
func thpSetting(size uint64, shared bool) string {
	return filepath.Join(thpFolder, fmt.Sprintf("hugepages-%dkB", size>>10), settingName(shared))
}

func settingName(shared bool) string {
	if shared {
		return "shmem_enabled"
	}
	return "enabled"
}

// allowTHP lets memory that asks for it (MADV_HUGEPAGE) have huge pages of this
// size until the end of the test, which only root may, or skips the test.
func allowTHP(t *testing.T, size uint64, shared bool) {
	t.Helper()
	path, word := thpSetting(size, shared), "madvise"
	if shared {
		word = "advise"
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(thpFolder, settingName(shared))
		if !shared {
			return // the setting for all memory of the system: it stays as it is
		}
	}
	before := chosen(t, path)
	now := before
	if now == "inherit" {
		now = chosen(t, filepath.Join(thpFolder, settingName(shared)))
	}
	if slices.Contains([]string{word, "always", "force"}, now) {
		return
	}
	if err := os.WriteFile(path, []byte(word), 0); err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
			testgate.Skip(t, testgate.Root, err.Error())
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, []byte(before), 0); err != nil {
			t.Error(err)
		}
	})
}

// chosen is the word in brackets: how /sys shows which one is.
func chosen(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		testgate.Skip(t, testgate.THP, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	_, word, _ := strings.Cut(string(text), "[")
	word, _, _ = strings.Cut(word, "]")
	return word
}
