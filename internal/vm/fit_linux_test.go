package vm

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// An initrd is compressed where it is too large for the machine, and only there.
func TestFitting(t *testing.T) {
	noise := make([]byte, 10000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	zeros := make([]byte, 10000)
	for name, tt := range map[string]struct {
		content []byte
		limit   int64
		packed  bool
		err     string
	}{
		"no limit":       {content: zeros},
		"just fits":      {content: zeros, limit: 10000},
		"too large":      {content: zeros, limit: 9999, packed: true},
		"far too large":  {content: noise, limit: 9999, err: "10000 bytes, compressed 1"},
		"nothing at all": {limit: 1},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			t.Setenv("TMPDIR", folder)
			f, err := fitting(tt.limit, func(w io.Writer) error {
				_, err := w.Write(tt.content)
				return err
			})
			if left, _ := os.ReadDir(folder); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			if tt.err != "" {
				if err == nil || f != nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var r io.Reader = io.NewSectionReader(f, 0, 1<<20)
			if tt.packed {
				if r, err = gzip.NewReader(r); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, tt.content) {
				t.Errorf("%d bytes, %v, want %d", len(got), err, len(tt.content))
			}
		})
	}
}

// What cannot be written leaves no file.
func TestFittingFails(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	broken := errors.New("broken")
	if f, err := fitting(1, func(io.Writer) error { return broken }); f != nil || !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
