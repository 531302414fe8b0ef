package fdpass_test

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/fdpass"
)

// A file goes from one process to another, with a word about it. Here both ends are
// in one process.
func Example() {
	mine, theirs, err := pair()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mine.Close()
	defer theirs.Close()

	f, err := os.Open(os.DevNull)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = fdpass.Send(mine, []byte("a device"), fdpass.File(f))
	f.Close() // the other end has its own
	if err != nil {
		fmt.Println(err)
		return
	}

	// In the other process.
	buf := make([]byte, 100)
	n, fds, err := fdpass.Receive(theirs, buf, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	received := os.NewFile(uintptr(fds[0]), "received")
	defer received.Close()
	info, err := received.Stat()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %v\n", buf[:n], info.Mode()&os.ModeCharDevice != 0)
	// Output: a device: true
}

// A process hands its userfaultfd over. Both ends are in one process again; it has
// registered nothing, so nobody has to serve anything.
func Example_userfaultfd() {
	mine, theirs, err := pair()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mine.Close()
	defer theirs.Close()

	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = fdpass.Send(mine, []byte("serve these faults"), d)
	d.Close() // the other end has its own
	if err != nil {
		fmt.Println(err)
		return
	}

	// In the other process.
	if who, err := fdpass.Peer(theirs); err != nil || who.UID != uint32(os.Geteuid()) {
		fmt.Println("not from", who, err)
		return
	}
	buf := make([]byte, 100)
	n, fds, err := fdpass.Receive(theirs, buf, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	received, err := uffd.FromFD(fds[0])
	if err != nil {
		unix.Close(fds[0])
		fmt.Println(err)
		return
	}
	defer received.Close()
	fmt.Printf("%s: %v\n", buf[:n], received.Ready())
}

// pair connects two ends; processes would use net.DialUnix and net.ListenUnix.
func pair() (a, b *net.UnixConn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			return nil, nil, err
		}
		ends[i] = c.(*net.UnixConn)
	}
	return ends[0], ends[1], nil
}
