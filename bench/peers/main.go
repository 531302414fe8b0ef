//go:build linux && cgo

package main

import (
	"os"

	"github.com/pageslot/pageslot/bench/harness"
)

func main() {
	os.Exit(harness.Main(harness.Peer{Name: "userfaultfd-go", Serve: userfaultfdGo}))
}
