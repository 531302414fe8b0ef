package pkey

import (
	"testing"

	"github.com/pageslot/pageslot/sys"
)

// Colouring a page, beside the bare call.
func BenchmarkProtect(b *testing.B) {
	key := newKey(b)
	addr := memory(b, 1)
	b.Run("checked", func(b *testing.B) {
		for b.Loop() {
			if err := Protect(addr, page, ProtRead|ProtWrite, key); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if err := sys.PkeyMprotect(addr, page, sys.PROT_READ|sys.PROT_WRITE, int(key)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
