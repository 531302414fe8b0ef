package vm

import (
	"errors"
	"testing"
)

func TestError(t *testing.T) {
	cause := errors.New("cause")
	err := &Error{Why: "kernel panic: Oops", Console: "a\nb\n", Err: cause}
	if want := "machine failed: kernel panic: Oops; its console:\na\nb"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	err.Console = ""
	if want := "machine failed: kernel panic: Oops"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	err.started = true
	if want := "machine failed: kernel panic: Oops; its console is empty"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
