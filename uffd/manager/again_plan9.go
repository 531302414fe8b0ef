package manager

import "errors"

// errAgain stands for EAGAIN, which is no error here.
var errAgain = errors.New("try again")
