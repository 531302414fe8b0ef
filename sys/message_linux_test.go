package sys_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pageslot/pageslot/sys"
)

// TestMessageUnion decodes a message byte by byte as the kernel writes it and
// compares with what the methods of the union show.
func TestMessageUnion(t *testing.T) {
	var wire bytes.Buffer
	for _, v := range []any{
		uint8(sys.UFFD_EVENT_PAGEFAULT), uint8(0), uint16(0), uint32(0),
		uint64(sys.UFFD_PAGEFAULT_FLAG_WRITE), uint64(0x7f0123456000), uint32(4711), uint32(0),
	} {
		if err := binary.Write(&wire, binary.NativeEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	var m sys.UffdMsg
	raw := wire.Bytes()
	if len(raw) != binary.Size(m) {
		t.Fatalf("a message has %d bytes, the structure %d", len(raw), binary.Size(m))
	}
	if err := binary.Read(&wire, binary.NativeEndian, &m); err != nil {
		t.Fatal(err)
	}
	if m.Event != sys.UFFD_EVENT_PAGEFAULT {
		t.Errorf("event %#x", m.Event)
	}
	p := m.Arg.Pagefault()
	if p.Flags != sys.UFFD_PAGEFAULT_FLAG_WRITE || p.Address != 0x7f0123456000 || p.Ptid != 4711 {
		t.Errorf("page fault %+v", *p)
	}
	if r := m.Arg.Remap(); r.From != p.Flags || r.To != p.Address {
		t.Errorf("the union's arms do not lie on each other: %+v, %+v", *r, *p)
	}
	m.Arg.Fork().Ufd = 9
	if want := binary.NativeEndian.Uint32(append([]byte(nil), raw[8:12]...)); want == 9 {
		t.Fatal("the test cannot tell")
	}
	var first [8]byte
	binary.NativeEndian.PutUint64(first[:], m.Arg.Raw[0])
	if got := binary.NativeEndian.Uint32(first[:4]); got != 9 {
		t.Errorf("the descriptor of a fork is not in the first four bytes: % x", first)
	}
}
