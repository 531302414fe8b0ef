package resolver

import "github.com/pageslot/pageslot/sys"

// haveKeys tells whether the kernel gives out protection keys now. The threads then
// open all of them for themselves: UFFDIO_COPY reads its source with the rights of the
// thread that calls it, and a new thread has those that its creator had.
func haveKeys() bool {
	key, err := sys.PkeyAlloc(0, 0)
	if err != nil {
		return false
	}
	_ = sys.PkeyFree(key)
	return true
}
