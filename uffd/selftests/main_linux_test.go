package selftests

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	// The runtime opens descriptors of its own when it first polls. It shall do so
	// now, since every test compares what is open before it and after.
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = r.Close()
	_ = w.Close()
	code := m.Run()
	if err := huge.Release(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
