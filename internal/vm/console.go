package vm

import (
	"bytes"
	"fmt"
	"io"
)

// keptEnd is how much of the beginning and of the end of a console is kept.
const keptEnd = 64 << 10

// ends keeps the beginning and the end of what is written to it: a machine may
// print without end.
type ends struct {
	first, last []byte
	lost        int
}

// Write never fails.
func (e *ends) Write(p []byte) (int, error) {
	n := len(p)
	k := min(keptEnd-len(e.first), len(p))
	e.first = append(e.first, p[:k]...)
	e.last = append(e.last, p[k:]...)
	if over := len(e.last) - keptEnd; over > keptEnd { // not at every write: it moves bytes
		e.last = append(e.last[:0], e.last[over:]...)
		e.lost += over
	}
	return n, nil
}

func (e *ends) String() string {
	if e.lost == 0 {
		return string(e.first) + string(e.last)
	}
	return fmt.Sprintf("%s\n... %d bytes left out ...\n%s", e.first, e.lost, e.last)
}

// maxLine is the longest line that is looked at as a whole. No frame is as long,
// and every frame begins a line.
const maxLine = 64 << 10

// lines cuts a stream into lines, without their newlines. The last one needs
// none. A longer line than maxLine comes in pieces.
func lines(r io.Reader, each func([]byte)) error {
	buffer := make([]byte, 0, 2*maxLine)
	for {
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		rest := buffer
		for {
			i := bytes.IndexByte(rest, '\n')
			if i >= 0 && i <= maxLine {
				each(rest[:i])
				rest = rest[i+1:]
			} else if len(rest) > maxLine {
				each(rest[:maxLine])
				rest = rest[maxLine:]
			} else {
				break
			}
		}
		buffer = append(buffer[:0], rest...)
		if err != nil {
			if len(buffer) > 0 {
				each(buffer)
			}
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}
