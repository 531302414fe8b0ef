package resolver

import (
	"bufio"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// haveKeys tells whether there are protection keys. The threads then open all of them for
// themselves: UFFDIO_COPY reads its source with the rights of the thread that calls
// it, and a new thread has those that its creator had.
//
// The key that it asks for is closed to this thread, as all are that nobody has: a key
// that was open would stay so for the next one who gets it.
func haveKeys() bool {
	key, err := sys.PkeyAlloc(0, sys.PKEY_DISABLE_ACCESS)
	if err == nil {
		_ = sys.PkeyFree(key)
		return true
	}
	if !errors.Is(err, unix.ENOSPC) {
		return false
	}
	// Either there are none, or others have all of them.
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return false
	}
	defer f.Close()
	return tellsKey(bufio.NewScanner(f))
}

// tellsKey tells whether the first mapping has a key: the kernel then says so of each.
func tellsKey(smaps *bufio.Scanner) bool {
	for smaps.Scan() {
		name, _, _ := strings.Cut(smaps.Text(), ":")
		switch name {
		case "ProtectionKey":
			return true
		case "VmFlags":
			return false // the last line of a mapping
		}
	}
	return false
}
