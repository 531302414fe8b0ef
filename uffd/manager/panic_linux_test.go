package manager

import (
	"context"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// fragile is a source that at first does something else.
type fragile struct {
	io.ReaderAt
	times int
	does  func()
}

func (f *fragile) ReadAt(p []byte, offset int64) (int, error) {
	if f.times > 0 {
		f.times--
		f.does()
	}
	return f.ReaderAt.ReadAt(p, offset)
}

// A source panics, or ends the goroutine. The next Run goes on with all who wait, and
// Close gives everything back.
func TestRunAfterPanic(t *testing.T) {
	needs(t, 0)
	for name, does := range map[string]func(){
		"panic":  func() { panic("on purpose") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			const times = 3
			s := newStation(t, Options{Granule: 1})
			s.sources[1] = &fragile{patternSource{1}, times, does}
			s.pause()
			c := s.spawn("same")
			s.wait("it is added", func() bool { return s.m.Stats().Added == 1 })
			over := make(chan any)
			for range times {
				go func() {
					defer func() { over <- recover() }()
					t.Errorf("Run: %v", s.m.Run(context.Background()))
				}()
				select {
				case <-over:
				case <-time.After(testgate.Stretch(t, 20*time.Second)):
					t.Fatal("Run goes on")
				}
			}
			s.resume()
			if err := c.wait(); err != nil {
				t.Error(err)
			}
			s.wait("it is gone", func() bool { return s.m.Processes() == 0 })
		})
	}
}
