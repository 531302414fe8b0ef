package fdpass

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// sizeofFD is that of a C int in a control message.
const sizeofFD = 4

// controlSpace is room for want descriptors, and for what the kernel puts in front
// of them where the owner of the socket asked for it (SO_PASSCRED, SO_PASSPIDFD,
// SO_PASSSEC). More descriptors than that the kernel does not even install. It can
// still be one or more above want, so they have to be counted.
func controlSpace(want int) int {
	const label = 256 // a security label, at most
	return unix.CmsgSpace(want*sizeofFD) + unix.CmsgSpace(unix.SizeofUcred) + unix.CmsgSpace(sizeofFD) + unix.CmsgSpace(label)
}

// descriptors takes the descriptors out of control messages: those that were sent,
// be it in several messages, and as strays those that the kernel added. With an
// error it returns those that came before.
func descriptors(control []byte) (sent, strays []int, err error) {
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(padded(control))
		if err != nil {
			return sent, strays, err
		}
		if header.Level == unix.SOL_SOCKET {
			switch header.Type {
			case unix.SCM_RIGHTS:
				sent = appendNumbers(sent, data)
			case unix.SCM_PIDFD:
				strays = appendNumbers(strays, data)
			}
		}
		control = rest
	}
	return sent, strays, nil
}

// padded is control with room for a header, which the parser looks at unasked.
func padded(control []byte) []byte {
	if len(control) >= unix.SizeofCmsghdr {
		return control
	}
	return append(make([]byte, 0, unix.SizeofCmsghdr), control...)[:unix.SizeofCmsghdr]
}

func appendNumbers(fds []int, data []byte) []int {
	for len(data) >= sizeofFD {
		fds = append(fds, int(int32(binary.NativeEndian.Uint32(data))))
		data = data[sizeofFD:]
	}
	return fds
}
