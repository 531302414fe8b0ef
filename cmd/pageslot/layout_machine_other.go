//go:build !linux

package main

import "os"

// thisMachine knows the page size. The rest is for Linux.
func thisMachine() machine {
	return machine{pageSize: uint64(os.Getpagesize()), maxMappings: -1, mappings: -1}
}
