package main

import (
	"syscall"
	"testing"
)

// The kernel reads the message as what it is meant for.
func TestSwitchOn(t *testing.T) {
	messages, err := syscall.ParseNetlinkMessage(switchOn(7))
	if err != nil || len(messages) != 1 {
		t.Fatalf("%v, %v", messages, err)
	}
	h := messages[0].Header
	if h.Type != syscall.RTM_NEWLINK || int(h.Len) != len(switchOn(7)) || len(messages[0].Data) != syscall.SizeofIfInfomsg {
		t.Errorf("header %+v", h)
	}
}
