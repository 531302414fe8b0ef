package fdpass

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

func TestFile(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	want := errors.New("what f returns")
	called := 0
	h := File(f)
	if err := h.Control(func(fd int) error { called++; return want }); err != want || called != 1 {
		t.Errorf("%v, called %d times", err, called)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Control(func(fd int) error { called++; return nil }); !errors.Is(err, os.ErrClosed) || called != 1 {
		t.Errorf("after Close: %v, called %d times", err, called)
	}
	if err := File(nil).Control(nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("no file: %v", err)
	}
}

// holder counts how many hold it at the moment.
type holder struct{ held *int }

func (h holder) Control(f func(fd int) error) error {
	*h.held++
	defer func() { *h.held-- }()
	return f(*h.held)
}

// All are held at once, in their order, and none afterwards.
func TestHoldAll(t *testing.T) {
	held := 0
	err := holdAll([]Holder{holder{&held}, holder{&held}, holder{&held}}, nil, func(numbers []int) error {
		if held != 3 || len(numbers) != 3 || numbers[0] != 1 || numbers[1] != 2 || numbers[2] != 3 {
			t.Errorf("%d held: %v", held, numbers)
		}
		return os.ErrExist
	})
	if held != 0 || err != os.ErrExist {
		t.Errorf("%d held afterwards, %v", held, err)
	}
	if err := holdAll([]Holder{holder{&held}, nil}, nil, nil); held != 0 || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("one is nil: %d held afterwards, %v", held, err)
	}
}
