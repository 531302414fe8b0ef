// Package bytesize reads and writes sizes as people write them: 4096, 64KiB,
// 4GiB. Units are powers of 1024, since all sizes here are multiples of pages.
package bytesize
