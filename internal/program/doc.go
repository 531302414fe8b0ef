// Package program reads a file as the initial memory of a slot: the loadable
// segments of an ELF file, by debug/elf, or the bytes of any other file.
//
// Package oracle reads the same files by other code, so that each can be held
// against the other.
package program
