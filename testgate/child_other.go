//go:build !unix

package testgate

import "os"

// askForStacks ends the process: there is no signal that makes it print them.
func askForStacks(p *os.Process) error { return p.Kill() }
