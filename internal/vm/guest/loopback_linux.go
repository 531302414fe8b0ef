package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"syscall"
)

// loopbackUp switches the network interface on through which a machine talks to
// itself: tests listen there.
func loopbackUp() error {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := syscall.Sendto(fd, switchOn(uint32(lo.Index)), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	if err != nil {
		return err
	}
	if len(messages) != 1 || messages[0].Header.Type != syscall.NLMSG_ERROR || len(messages[0].Data) < 4 {
		return fmt.Errorf("the kernel's answer makes no sense: %v", messages)
	}
	if errno := -int32(binary.NativeEndian.Uint32(messages[0].Data)); errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

// switchOn is the message that sets IFF_UP on an interface: struct nlmsghdr and
// struct ifinfomsg, in the machine's byte order.
func switchOn(index uint32) []byte {
	order := binary.NativeEndian
	var m []byte
	m = order.AppendUint32(m, syscall.SizeofNlMsghdr+syscall.SizeofIfInfomsg)
	m = order.AppendUint16(m, syscall.RTM_NEWLINK)
	m = order.AppendUint16(m, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK)
	m = order.AppendUint32(m, 1) // sequence number
	m = order.AppendUint32(m, 0) // to the kernel
	m = append(m, 0, 0)          // family: any
	m = order.AppendUint16(m, 0) // type
	m = order.AppendUint32(m, index)
	m = order.AppendUint32(m, syscall.IFF_UP) // flags
	m = order.AppendUint32(m, syscall.IFF_UP) // which of them
	return m
}
