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
