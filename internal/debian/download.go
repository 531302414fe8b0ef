package debian

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// stall is how long a mirror may send nothing.
const stall = 20 * time.Second

// download fetches a package to file, by apt's helper or, where there is none,
// directly. The error is ErrGone if the mirror has no such file, and ErrHash if it
// has another one.
func download(ctx context.Context, dir string, a Archive, p Package, file string) error {
	if err := p.check(); err != nil {
		return err
	}
	u, err := url.Parse(a.file(p.Path))
	if err != nil {
		return err
	}
	_, missing := os.Stat(helper)
	switch {
	case u.Scheme == "file":
		err = copyFile(ctx, u.Path, file)
	case missing != nil || a.direct:
		err = get(ctx, u.String(), file, p.Size)
	default:
		var own *apt
		if own, err = newApt(ctx, dir, a, p.Arch, nil); err != nil {
			return err
		}
		// What it complains of names the URL.
		if _, err = own.run(ctx, helper, "-qq", "download-file", u.String(), file, "SHA256:"+p.SHA256); err != nil {
			return err
		}
	}
	if err == nil {
		err = checkFile(ctx, file, p.SHA256)
	}
	if err != nil {
		return fmt.Errorf("download %s: %w", u.Redacted(), err)
	}
	return nil
}

// get is a GET request that gives up when nothing comes for a while.
func get(ctx context.Context, from, file string, size int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing came for %v", stall)) })
	defer idle.Stop()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: stall}).DialContext
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // it repeats the URL
		}
		return either(ctx, err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotFound, answer.StatusCode == http.StatusGone:
		return fmt.Errorf("%w (%s)", ErrGone, answer.Status)
	case answer.StatusCode != http.StatusOK:
		return errors.New(answer.Status)
	}
	body := reader(func(b []byte) (int, error) {
		n, err := answer.Body.Read(b)
		idle.Reset(stall)
		return n, err
	})
	// One byte more than it should be makes the hash wrong, and no disk full.
	_, err = write(ctx, file, io.LimitReader(body, size+1))
	return either(ctx, err)
}

// either is the cause why ctx ended, if it did, else err.
func either(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func copyFile(ctx context.Context, from, to string) error {
	f, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", ErrGone, err)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = write(ctx, to, f)
	return err
}

// reader is a function as an io.Reader.
type reader func([]byte) (int, error)

func (f reader) Read(b []byte) (int, error) { return f(b) }

// until reads from r until ctx ends.
func until(ctx context.Context, r io.Reader) io.Reader {
	return reader(func(b []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(b)
	})
}

// write makes a file of what r has and returns its hash.
func write(ctx context.Context, file string, r io.Reader) (sum string, err error) {
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), until(ctx, r))
	if e := f.Close(); err == nil {
		err = e
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// checkFile holds a file against the hash that it should have.
func checkFile(ctx context.Context, file, want string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, until(ctx, f)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%w: want %s, got %s", ErrHash, want, got)
	}
	return nil
}

// isFull says that a disk is full.
func isFull(err error) bool { return errors.Is(err, errFull) }
