package main

import (
	"os"

	"github.com/pageslot/pageslot/bench/harness"
)

func main() { os.Exit(harness.Main()) }
