//go:build !linux

package highlevel

func (p *Pool) checkKernel(int) error { return errNotOnThisSystem }

// Usage is errors.ErrUnsupported outside Linux.
func (p *Pool) Usage() (Usage, error) { return Usage{}, errNotOnThisSystem }
