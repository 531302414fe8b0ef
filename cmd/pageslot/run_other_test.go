//go:build !linux

package main

import "testing"

func TestRunNeedsLinux(t *testing.T) {
	checkOneLine(t, call("run"), exitFailed, "pageslot run:", "need Linux")
	checkOneLine(t, call("run", "-json"), exitFailed, "pageslot run:", "need Linux")
}
