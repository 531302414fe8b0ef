package debian

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestKernelWrongHash(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	p.SHA256 = strings.Repeat("0", 64)
	p.Pattern = "linux-.*" // no reason to take another
	r.suite("made", "amd64", r.build("linux-2", "2", kernel))
	r.both(t, func(t *testing.T, archive func() (Archive, error)) {
		c := Cache{t.TempDir()}
		_, err := c.Kernel(t.Context(), archive, p, member, nil)
		if !errors.Is(err, ErrHash) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "linux-1 1", r.url)
		checkEmpty(t, c)
	})
}

func TestKernelGone(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	r.remove(p)
	r.both(t, func(t *testing.T, archive func() (Archive, error)) {
		c := Cache{t.TempDir()}
		_, err := c.Kernel(t.Context(), archive, p, member, nil)
		if !errors.Is(err, ErrGone) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "linux-1 1", "404")
		checkEmpty(t, c)
	})
}

// A file URL needs no server.
func TestKernelFromFile(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	archive := func() (Archive, error) { return Archive{Mirror: "file://" + r.dir}, nil }
	c := Cache{t.TempDir()}
	if f, err := c.Kernel(t.Context(), archive, p, member, nil); err != nil || readFile(t, f) != "a kernel" {
		t.Errorf("got %+v, %v", f, err)
	}
	r.remove(p)
	p.SHA256 = strings.Repeat("1", 64)
	if _, err := c.Kernel(t.Context(), archive, p, member, nil); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
}

func TestKernelBrokenOff(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	r.serve(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write([]byte("!<arch>\n"))
		panic(http.ErrAbortHandler)
	})
	r.both(t, func(t *testing.T, archive func() (Archive, error)) {
		c := Cache{t.TempDir()}
		_, err := c.Kernel(t.Context(), archive, p, member, nil)
		oneLine(t, err, "linux-1 1", r.url)
		checkEmpty(t, c)
	})
}

// A server that sends without end fills no disk.
func TestKernelTooLong(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	r.serve(func(w http.ResponseWriter, q *http.Request) {
		for q.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	if _, err := (Cache{t.TempDir()}).Kernel(t.Context(), r.direct, p, member, nil); !errors.Is(err, ErrHash) {
		t.Errorf("got %v", err)
	}
}

// Cancelling ends the children and leaves nothing.
func TestKernelCancel(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	r.both(t, func(t *testing.T, archive func() (Archive, error)) {
		ctx, cancel := context.WithCancel(t.Context())
		r.serve(func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte("!<arch>\n"))
			w.(http.Flusher).Flush()
			cancel()
			<-q.Context().Done()
		})
		c := Cache{t.TempDir()}
		_, err := c.Kernel(ctx, archive, p, member, nil)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "linux-1 1")
		checkEmpty(t, c)
	})
}

func TestKernelNotAPackage(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	file := filepath.Join(r.dir, p.Path)
	r.write(file, "no package at all")
	p.SHA256, p.Size = r.sum(file)
	c := Cache{t.TempDir()}
	_, err := c.Kernel(t.Context(), r.direct, p, member, nil)
	oneLine(t, err, "linux-1 1")
	checkEmpty(t, c)
}
