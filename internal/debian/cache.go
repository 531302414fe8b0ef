package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Cache is a folder that keeps what was fetched. Several processes may use it at
// the same time.
type Cache struct{ Dir string }

// DefaultCache is the folder that PAGESLOT_CACHE names, or "pageslot" in the
// user's folder for caches.
func DefaultCache() (Cache, error) {
	dir := os.Getenv("PAGESLOT_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return Cache{}, fmt.Errorf("debian: no folder for the cache: %w: set PAGESLOT_CACHE", err)
		}
		dir = filepath.Join(user, "pageslot")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Cache{}, fmt.Errorf("debian: no folder for the cache: %w", err)
	}
	return Cache{Dir: dir}, nil
}

func (c Cache) path(elem ...string) string {
	return filepath.Join(append([]string{c.Dir}, elem...)...)
}

// where adds to the error of a full disk which one it is: apt does not say.
func (c Cache) where(err error) error {
	if !isFull(err) {
		return err
	}
	return fmt.Errorf("%w: the cache is %s, and PAGESLOT_CACHE names another folder", err, c.Dir)
}

// lock lets one process at a time make the entry of this name.
func (c Cache) lock(ctx context.Context, name string, log func(string)) (unlock func(), err error) {
	if err := os.MkdirAll(c.path("lock"), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(c.path("lock", name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for told := false; ; {
		err := tryLock(f)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, errLocked) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		if !told {
			log("waiting for another process that fetches the same")
			told = true
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// temp makes a folder in the cache, so that what is made in it can be renamed. It
// removes those that processes left that were killed.
func (c Cache) temp(ctx context.Context) (dir string, remove func(), err error) {
	unlock, err := c.lock(ctx, "tmp", func(string) {})
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	if err := os.MkdirAll(c.path("tmp"), 0o755); err != nil {
		return "", nil, err
	}
	old, err := os.ReadDir(c.path("tmp"))
	if err != nil {
		return "", nil, err
	}
	for _, d := range old {
		if f, err := hold(c.path("tmp", d.Name())); err == nil {
			_ = os.RemoveAll(f.Name())
			f.Close()
		}
	}
	dir, err = os.MkdirTemp(c.path("tmp"), "")
	if err != nil {
		return "", nil, err
	}
	f, err := hold(dir)
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, err
	}
	return dir, func() {
		_ = os.RemoveAll(dir)
		f.Close()
	}, nil
}

// hold opens a folder and locks it; errLocked says that somebody else does.
func hold(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// publish makes what was made in a temporary folder an entry. What stands there
// was found damaged.
func (c Cache) publish(from string, elem ...string) error {
	to := c.path(elem...)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		// Away in one step: nobody sees half of it.
		if err := os.Rename(to, from+".old"); err != nil {
			return err
		}
	}
	return os.Rename(from, to)
}

// errLocked says that another process holds a lock.
var errLocked = errors.New("locked")
