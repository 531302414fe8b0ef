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

// A kernel that gives up before anything ran gets one more try, and no more; the
// failure that it then is shows the console. One that only ends early gets none.
func TestRestart(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	for says, want := range map[string]struct {
		starts int
		why    string
	}{
		"Kernel panic - not syncing: no luck\n---[ end Kernel panic - not syncing: no luck ]---": {2, "kernel panic: "},
		"nothing to see": {1, ""},
	} {
		dir := t.TempDir()
		started := filepath.Join(dir, "started")
		script := filepath.Join(dir, "qemu")
		text := "#!/bin/sh\necho x >>" + started + "\ncat <<'EOF'\n" + says + "\nEOF\n"
		if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		kernel := filepath.Join(dir, "kernel")
		if err := os.WriteFile(kernel, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c := Config{QEMU: []string{script}, Kernel: kernel, Arch: runtime.GOARCH, Slow: 1, Cache: t.TempDir()}
		_, err := Run(context.Background(), c, nil, nil)
		var failed *Error
		if !errors.As(err, &failed) || !strings.HasPrefix(failed.Why, want.why) || !strings.Contains(failed.Console, strings.Split(says, "\n")[0]) {
			t.Errorf("%q: %v", says, err)
		}
		lines, err := os.ReadFile(started)
		if got := strings.Count(string(lines), "x"); got != want.starts {
			t.Errorf("%q: started %d times, want %d (%v)", says, got, want.starts, err)
		}
	}
}
