// Package oracle knows which bytes fresh memory must hold, without asking the
// code that put them there. It reads ELF files by hand, not by debug/elf, keeps
// them as they are, and answers for any range of addresses.
package oracle
