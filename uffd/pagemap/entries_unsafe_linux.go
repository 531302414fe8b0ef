package pagemap

import "unsafe"

// entryBytes is the memory of e, into which the kernel writes words in the order of
// bytes that the processor has.
func entryBytes(e []Entry) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(e))), len(e)*int(unsafe.Sizeof(Entry(0))))
}
