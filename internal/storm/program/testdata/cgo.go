package main

/*
#include <unistd.h>

static void nap(void) { usleep(200); }

extern int pageslot_called(void);

static inline int call(void) { return pageslot_called(); }
*/
import "C"

import (
	"errors"
	"os"
	"strings"

	"github.com/pageslot/pageslot/internal/storm"
)

// The variant with cgo: goroutines that are in C, and C that is in a goroutine.
func init() {
	more = append(more, storm.Disturbance{Name: "c", Do: func() error {
		C.nap()
		if C.call() != 1 {
			return errors.New("a call from C returned something else")
		}
		return nil
	}})
}

//export pageslot_called
func pageslot_called() C.int { return 1 }

// pageslot_storm is what a C program calls that has this as a library. Arguments are
// apart by spaces.
//
//export pageslot_storm
func pageslot_storm(arguments *C.char) C.int {
	return C.int(run(strings.Fields(C.GoString(arguments)), os.Stdout, os.Stderr))
}
