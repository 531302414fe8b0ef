package pkey

import (
	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// Rights of memory.
const (
	ProtNone  Prot = sys.PROT_NONE
	ProtRead  Prot = sys.PROT_READ
	ProtWrite Prot = sys.PROT_WRITE
	ProtExec  Prot = sys.PROT_EXEC
)

var noSpace = error(unix.ENOSPC)
