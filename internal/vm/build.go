package vm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// source is the init's. It is carried along so that the command works wherever it
// was installed.
//
//go:embed guest/*.go wire/*.go
var source embed.FS

// goMod makes a module of the source. With this name the init may import wire,
// and with this version older go commands can build it.
const goMod = "module github.com/pageslot/pageslot/internal/vm\n\ngo 1.21\n"

// sourceFiles are the files to compile, in order.
func sourceFiles() (names []string, err error) {
	err = fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(name, "_test.go") {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// buildInit returns the file of the init for a port, compiled if the cache does
// not have it.
func buildInit(ctx context.Context, cache, goarch string) (file string, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("build the init for %s: %w", goarch, err)
		}
	}()
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	names, err := sourceFiles()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q\n", goMod, buildFlags)
	for _, name := range names {
		text, err := source.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%q %q\n", name, text)
	}
	ours := filepath.Join(cache, fmt.Sprintf("init-%s-%x-", goarch, sum.Sum(nil)[:12]))
	version, err := goCommand(ctx, cache, "", goarch, "env", "GOVERSION")
	if errors.Is(err, exec.ErrNotFound) {
		// One that another go command made is as good as none of that.
		if old, ok := newestSealed(ours); ok {
			return old, nil
		}
	}
	if err != nil {
		return "", err
	}
	file = ours + fmt.Sprintf("%x", sha256.Sum256([]byte(version)))[:8]
	if sealed(file) {
		return file, nil
	}
	return file, compile(ctx, cache, goarch, names, file)
}

// seal adds the hash of a file to its end, where no program minds it. A file that
// a full disk or a power cut damaged is known by it.
func seal(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	return os.WriteFile(file, append(text, sum[:]...), 0o755)
}

// sealed says whether a file is there, and what seal made of it.
func sealed(file string) bool {
	text, err := os.ReadFile(file)
	n := len(text) - sha256.Size
	return err == nil && n > 0 && sha256.Sum256(text[:n]) == [sha256.Size]byte(text[n:])
}

// newestSealed is the newest file that is sealed and whose path begins so.
func newestSealed(prefix string) (file string, ok bool) {
	entries, err := os.ReadDir(filepath.Dir(prefix))
	if err != nil {
		return "", false
	}
	var made time.Time
	for _, d := range entries {
		name := filepath.Join(filepath.Dir(prefix), d.Name())
		info, err := d.Info()
		if err == nil && strings.HasPrefix(name, prefix) && info.ModTime().After(made) && sealed(name) {
			file, made, ok = name, info.ModTime(), true
		}
	}
	return file, ok
}

var buildFlags = []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w"}

const buildFolder = "build-"

// removeOld removes folders of processes that were killed while they compiled,
// which takes a minute at most.
func removeOld(cache string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	for _, d := range entries {
		info, err := d.Info()
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), buildFolder) && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(filepath.Join(cache, d.Name()))
		}
	}
}

// compile publishes the file by renaming it, so that another process sees all of
// it or nothing.
func compile(ctx context.Context, cache, goarch string, names []string, file string) error {
	removeOld(cache)
	dir, err := os.MkdirTemp(cache, buildFolder+"*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(goMod), 0o644); err != nil {
		return err
	}
	for _, name := range names {
		text, err := source.ReadFile(name)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	built := filepath.Join(dir, "init")
	args := slices.Concat([]string{"build", "-o", built}, buildFlags, []string{"./guest"})
	if _, err := goCommand(ctx, cache, dir, goarch, args...); err != nil {
		return err
	}
	if err := seal(built); err != nil {
		return err
	}
	return os.Rename(built, file)
}

// goCommand runs the go command of PATH so that no setting of the host's and no
// module around matters.
func goCommand(ctx context.Context, cache, dir, goarch string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "GO") && !strings.HasPrefix(name, "CGO_") || slices.Contains([]string{"GOROOT", "GOCACHE", "GOTMPDIR"}, name) {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "GOENV=off", "GOFLAGS=", "GOWORK=off", "GOPROXY=off", "GOTOOLCHAIN=local",
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch, "GOMIPS=softfloat", "GOMIPS64=softfloat")
	if os.Getenv("GOCACHE") == "" && os.Getenv("HOME") == "" && os.Getenv("XDG_CACHE_HOME") == "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+filepath.Join(cache, "go-build"))
	}
	if runtime.GOOS != "windows" {
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it removes its own files then
	}
	cmd.WaitDelay = grace
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("the go command is needed once for each port, and PATH has none: %w", err)
	case err != nil:
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
