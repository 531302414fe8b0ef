package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestErr(t *testing.T) {
	for _, tc := range []struct {
		a                    Answer
		unsupported, refused bool
		words                string
	}{
		{Answer{Name: "q", Verdict: No, Reason: "too old", Remedy: "a newer one"}, true, false, "probe: q: no: too old (remedy: a newer one)"},
		{Answer{Name: "q", Verdict: No, Reason: "EPERM", Refused: true}, false, true, "probe: q: no: EPERM"},
		{Answer{Name: "q", Verdict: Inconclusive, Reason: "no memory"}, false, false, "probe: q: inconclusive: no memory"},
		{Answer{Name: "q", Verdict: Inconclusive, Refused: true}, false, false, "probe: q: inconclusive"},
	} {
		err := fmt.Errorf("wrapped: %w", tc.a.Err())
		if errors.Is(err, errors.ErrUnsupported) != tc.unsupported || errors.Is(err, fs.ErrPermission) != tc.refused || !strings.HasSuffix(err.Error(), tc.words) {
			t.Errorf("%+v: %v", tc.a, err)
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Answer.Name != "q" {
			t.Errorf("%v is no *Error", err)
		}
	}
	if err := (Answer{Verdict: Yes, Reason: "not all", Refused: true}).Err(); err != nil {
		t.Errorf("a yes is the error %v", err)
	}
}

func TestErrWithout(t *testing.T) {
	yes := Answer{Name: "q", Verdict: Yes, Values: []string{"A", "B"}, Reason: "C: too old"}
	if err := errors.Join(yes.ErrWithout(), yes.ErrWithout("B"), yes.ErrWithout("B", "A")); err != nil {
		t.Error(err)
	}
	err := yes.ErrWithout("A", "C", "D")
	if want := "probe: q: no: without C, D; C: too old"; !errors.Is(err, errors.ErrUnsupported) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := (Answer{Verdict: Inconclusive}).ErrWithout("A"); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("inconclusive: %v", err)
	}
	if err := (Answer{Verdict: No, Refused: true}).ErrWithout("A"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("refused: %v", err)
	}
	if yes.Verdict != Yes || yes.Reason != "C: too old" {
		t.Errorf("the answer has changed: %+v", yes)
	}
}

// A question that nobody knows is neither a no nor a panic.
func TestUnknownQuestion(t *testing.T) {
	for _, q := range []Question{"", "pkeys", "GUARD.INSTALL"} {
		a := Ask(q)
		if err := a.Err(); a.Verdict != Inconclusive || err == nil || errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "no question") {
			t.Errorf("%q: %+v", q, a)
		}
		if q.Asks() != "" || q.Stable() {
			t.Errorf("%q asks %q", q, q.Asks())
		}
	}
}
