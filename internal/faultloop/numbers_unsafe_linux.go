package faultloop

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// Numbers of the kernel that the assembly needs. Errnos are as system calls return
// them.
const (
	again         = -int(unix.EAGAIN)
	exists        = -int(unix.EEXIST)
	layout        = -int(unix.ENOENT)
	interrupted   = -int(unix.EINTR)
	badDescriptor = -int(unix.EBADF)
	invalid       = -int(unix.EINVAL)
	noPage        = -int(unix.EFAULT)

	eventPagefault = sys.UFFD_EVENT_PAGEFAULT
	eventUnmap     = sys.UFFD_EVENT_UNMAP
	flagWP         = sys.UFFD_PAGEFAULT_FLAG_WP
	flagMinor      = sys.UFFD_PAGEFAULT_FLAG_MINOR
	flagRWP        = sys.UFFD_PAGEFAULT_FLAG_RWP

	dontWake = sys.UFFDIO_WRITEPROTECT_MODE_DONTWAKE

	messageSize  = int(unsafe.Sizeof(sys.UffdMsg{}))
	messageShift = 5
	msgEvent     = int(unsafe.Offsetof(sys.UffdMsg{}.Event))
	msgFlags     = int(unsafe.Offsetof(sys.UffdMsg{}.Arg) + unsafe.Offsetof(sys.UffdMsgArgPagefault{}.Flags))
	msgAddress   = int(unsafe.Offsetof(sys.UffdMsg{}.Arg) + unsafe.Offsetof(sys.UffdMsgArgPagefault{}.Address))
	msgStart     = int(unsafe.Offsetof(sys.UffdMsg{}.Arg) + unsafe.Offsetof(sys.UffdMsgArgRemove{}.Start))
	msgEnd       = int(unsafe.Offsetof(sys.UffdMsg{}.Arg) + unsafe.Offsetof(sys.UffdMsgArgRemove{}.End))

	pollStop    = 0 * int(unsafe.Sizeof(unix.PollFd{}))
	pollKick    = 1 * int(unsafe.Sizeof(unix.PollFd{}))
	pollFaults  = 2 * int(unsafe.Sizeof(unix.PollFd{}))
	pollRevents = int(unsafe.Offsetof(unix.PollFd{}.Revents))
	pollBroken  = unix.POLLERR | unix.POLLHUP | unix.POLLNVAL
)

// The size of a message is the shift's.
var _ [0]struct{} = [messageSize - 1<<messageShift]struct{}{}
