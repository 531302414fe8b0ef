// Package memfd makes files that live in memory, and images from them: the
// initial contents of many copy-on-write mappings.
//
// A [File] is what memfd_create(2) returns. It can be sealed (see [Seals]):
// from then on the kernel itself refuses to change its size or its bytes,
// whoever holds it.
//
// An [Image] is built once from the bytes that a memory shall begin with, given
// as segments at any offset ([NewImage]) or as whole pages
// ([NewImageFromPages]). It keeps the pages from the first that holds something
// other than zero to the last one, in a file of exactly that length, sealed
// against growing, shrinking, writing and further sealing:
//
//	segments     ..  [data]      [data........]   [zeros]
//	slot    0 ---------|-----|-----|-----|-----|-----|---------> offset
//	pages              | data| hole| data| data|
//	image              Offset                  End = Offset + Len
//	file               FileOffset              FileOffset + Len
//
// A user maps the file's bytes [FileOffset, FileOffset+Len) MAP_PRIVATE at
// Offset and nothing more: all else of the memory is anonymous, and a page past
// the end of a file is SIGBUS, not zeros. Pages of zeros between pages of data
// are holes. A hole costs nothing until somebody reads it through a mapping:
// then the kernel fills it with a page of zeros, which all mappings share
// ([Image.ReadAt] does not do that).
//
// While an image is mapped somewhere, its user holds it with [Image.Retain], and
// [Image.Close] refuses. Two images may show windows of one file
// ([Image.Window]); an image's identity is its pointer, never its file.
//
// Nothing here starts goroutines or keeps global state. Files and images are
// not closed by the garbage collector: Close them. On systems other than Linux
// everything compiles, and what needs the kernel answers
// errors.ErrUnsupported.
package memfd
