package fdpass

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// Nothing that could stand in a control message makes the parser fail otherwise
// than by an error.
func FuzzDescriptors(f *testing.F) {
	f.Add([]byte{})
	f.Add(unix.UnixRights(1, 2, 3))
	f.Add(unix.UnixRights(1)[:unix.CmsgLen(3)])
	f.Add(append(unix.UnixRights(1), unix.UnixRights(-1, 5)...))
	f.Add(append(unix.UnixRights(7), 1, 2, 3))
	f.Add(append(unix.UnixCredentials(&unix.Ucred{}), unix.UnixRights(3)...))
	f.Add(bytes.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, control []byte) {
		sent, strays, _ := descriptors(bytes.Clone(control))
		if most := len(control) / sizeofFD; len(sent)+len(strays) > most {
			t.Errorf("%d and %d descriptors of %d bytes", len(sent), len(strays), len(control))
		}
	})
}

func TestDescriptorsOfControlMessages(t *testing.T) {
	sent, strays, err := descriptors(append(unix.UnixRights(7), unix.UnixRights(8, 9)...))
	if fmt.Sprint(sent, strays, err) != "[7 8 9] [] <nil>" {
		t.Error(sent, strays, err)
	}
	// With an error come those before it, so that they can be closed.
	sent, _, err = descriptors(append(unix.UnixRights(7), bytes.Repeat([]byte{1}, 40)...))
	if fmt.Sprint(sent) != "[7]" || err == nil {
		t.Error(sent, err)
	}
	if space := controlSpace(1); space < unix.CmsgSpace(4) || space > 1000 {
		t.Errorf("room for a descriptor: %d bytes", space)
	}
}
