//go:build !linux

package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintf(os.Stderr, "guest: this is the init of a Linux machine, it does nothing on %s\n", runtime.GOOS)
	os.Exit(1)
}
