package memfd

import "fmt"

// Retain counts one more user, for whom the image stays open until Release.
// It answers ErrClosed for a closed image.
func (im *Image) Retain() error {
	for {
		n := im.users.Load()
		if n < 0 {
			return im.fail("retain", "", ErrClosed)
		}
		if im.users.CompareAndSwap(n, n+1) {
			return nil
		}
	}
}

// Release takes back one Retain. A Release too many changes nothing when it
// comes, but it is a mistake in the program (it may have taken back somebody
// else's Retain), and Close reports it: ErrUnbalanced.
func (im *Image) Release() {
	for {
		n := im.users.Load()
		if n <= 0 {
			im.unbalanced.Store(true)
			return
		}
		if im.users.CompareAndSwap(n, n-1) {
			return
		}
	}
}

// Users is how many times the image is retained now.
func (im *Image) Users() int { return int(max(im.users.Load(), 0)) }

// Close unmaps the source and closes the file, unless another image shows a
// window of it. While the image is retained it does nothing and answers ErrInUse
// (and EBUSY). The second Close does nothing.
func (im *Image) Close() error {
	for !im.users.CompareAndSwap(0, closedImage) {
		switch n := im.users.Load(); {
		case n > 0:
			return im.fail("close", fmt.Sprintf("retained %d times", n), ErrInUse)
		case n < 0:
			return nil
		}
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	var first error
	if m := im.source.Swap(nil); m != nil {
		first = m.Close()
	}
	if im.file != nil && im.file.images.Add(-1) == 0 {
		if err := im.file.Close(); first == nil {
			first = err
		}
	}
	if first == nil && im.unbalanced.Load() {
		first = im.fail("close", "", ErrUnbalanced)
	}
	return first
}
