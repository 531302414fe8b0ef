package sys_test

import (
	"encoding/binary"
	"runtime"
	"testing"
	"unsafe"

	"github.com/pageslot/pageslot/sys"
)

// TestPointer looks at the 64 bits of a Pointer as the kernel does: the address
// without a sign, in the byte order of the machine.
func TestPointer(t *testing.T) {
	data := []byte("data")
	address := uintptr(unsafe.Pointer(&data[0]))
	for name, p := range map[string]sys.Pointer{
		"NewPointer":     sys.NewPointer(unsafe.Pointer(&data[0])),
		"SlicePointer":   sys.SlicePointer(data),
		"AddressPointer": sys.AddressPointer(address),
	} {
		if unsafe.Sizeof(p) != 8 {
			t.Errorf("a Pointer has %d bytes", unsafe.Sizeof(p))
		}
		bits := binary.NativeEndian.Uint64((*[8]byte)(unsafe.Pointer(&p))[:])
		if bits != uint64(address) {
			t.Errorf("%s: the kernel reads %#x, the address is %#x", name, bits, address)
		}
		if p.Pointer() != unsafe.Pointer(&data[0]) {
			t.Errorf("%s: points to %p, want %p", name, p.Pointer(), &data[0])
		}
	}
	runtime.KeepAlive(data)
	if p := sys.SlicePointer([]byte(nil)); p != (sys.Pointer{}) {
		t.Errorf("a nil slice gives %v", p)
	}
	high := ^uintptr(0) - 4095 // the sign bit of a 32-bit address must not spread
	p := sys.AddressPointer(high)
	if bits := binary.NativeEndian.Uint64((*[8]byte)(unsafe.Pointer(&p))[:]); bits != uint64(high) {
		t.Errorf("the kernel reads %#x, the address is %#x", bits, high)
	}
}
