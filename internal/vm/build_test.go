package vm

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// The init is compiled once, from the carried source alone, and no setting of the
// host's gets in.
func TestBuildInit(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	for name, value := range map[string]string{"GOFLAGS": "-mod=nonsense", "GOOS": "plan9", "GOWORK": "/nowhere", "GO111MODULE": "off", "CGO_ENABLED": "1"} {
		t.Setenv(name, value)
	}
	cache := filepath.Join(t.TempDir(), "deep", "cache")
	goarch := runtime.GOARCH
	if _, ok := elfPorts[goarch]; !ok {
		goarch = "amd64"
	}
	file, err := buildInit(t.Context(), cache, goarch)
	if err != nil {
		t.Fatal(err)
	}
	if port, err := Port(file); err != nil || port != goarch {
		t.Errorf("it is for %s, %v", port, err)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := buildInit(t.Context(), cache, goarch)
	if err != nil || again != file {
		t.Fatalf("again: %s, %v", again, err)
	}
	if after, err := os.Stat(file); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("it was compiled twice: %v", err)
	}
	if left, err := os.ReadDir(cache); err != nil || len(left) != 1 {
		t.Errorf("the cache has %v, %v", left, err)
	}

	// One that is damaged is made again.
	if err := os.Truncate(file, before.Size()-100); err != nil {
		t.Fatal(err)
	}
	if _, err := buildInit(t.Context(), cache, goarch); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(file); err != nil || after.Size() != before.Size() {
		t.Errorf("it stays damaged: %v", err)
	}
	t.Run("without go", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if again, err := buildInit(t.Context(), cache, goarch); err != nil || again != file {
			t.Errorf("%s, %v", again, err)
		}
		if _, err := buildInit(t.Context(), t.TempDir(), goarch); !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("with an empty cache: %v", err)
		}
	})

	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := buildInit(ctx, cache, goarch); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := buildInit(t.Context(), file, goarch); err == nil || !strings.Contains(err.Error(), "build the init for "+goarch) {
		t.Errorf("a cache that is a file: %v", err)
	}
	if _, err := buildInit(t.Context(), cache, "pdp11"); err == nil || !strings.Contains(err.Error(), "build the init for pdp11: go ") {
		t.Errorf("a port that is none: %v", err)
	}
	if left, err := os.ReadDir(cache); err != nil || len(left) != 1 {
		t.Errorf("after failures the cache has %v, %v", left, err)
	}
}

// What a process left that was killed while it compiled goes in the end, and the
// folder of one that still compiles stays.
func TestRemoveOld(t *testing.T) {
	cache := t.TempDir()
	for _, name := range []string{"build-1/guest", "build-2/guest", "init-1"} {
		if err := os.MkdirAll(filepath.Join(cache, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"build-1", "init-1"} {
		if err := os.Chtimes(filepath.Join(cache, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	removeOld(cache)
	removeOld(filepath.Join(cache, "none"))
	left, err := os.ReadDir(cache)
	if err != nil || len(left) != 2 || left[0].Name() != "build-2" || left[1].Name() != "init-1" {
		t.Errorf("%v, %v", left, err)
	}
}
