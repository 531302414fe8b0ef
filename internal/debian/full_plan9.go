package debian

import "errors"

// errFull stands for the error of a full disk, which has no number here.
var errFull = errors.New("no space left on device")
