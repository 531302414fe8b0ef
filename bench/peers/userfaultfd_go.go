//go:build linux && cgo

package main

import (
	"bytes"

	"github.com/loopholelabs/userfaultfd-go/pkg/mapper"
)

// userfaultfdGo serves by a goroutine, so it hangs with any garbage collection: the harness
// has none.
func userfaultfdGo(source []byte) ([]byte, error) {
	memory, fd, start, err := mapper.Register(len(source))
	if err != nil {
		return nil, err
	}
	pages := bytes.NewReader(source)
	go func() {
		for {
			// It ends at the second message about a page, which a signal is enough for.
			// Who waited has been woken by then.
			_ = mapper.Handle(fd, start, pages)
		}
	}()
	return memory, nil
}
