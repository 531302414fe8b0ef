package kernelcall

import (
	"errors"
	"testing"
)

var errTest = errors.New("failed on purpose")

func TestDecide(t *testing.T) {
	if v := Decide(Open); v != (Verdict{}) {
		t.Errorf("without a hook: %+v", v)
	}
	type seen struct {
		op Op
		n  uint64
	}
	var got []seen
	remove := Install(func(op Op, n uint64) Verdict {
		got = append(got, seen{op, n})
		if n == 1 {
			return Fail(errTest)
		}
		return Verdict{}
	})
	first, second, third := Decide(Open), Decide(Discard), Decide(Reserve)
	if first.Skip || third.Skip || !second.Skip || second.Err != errTest {
		t.Errorf("verdicts %+v %+v %+v", first, second, third)
	}
	want := []seen{{Open, 0}, {Discard, 1}, {Reserve, 2}}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("hook saw %v, want %v", got, want)
		}
	}
	newer := Install(func(Op, uint64) Verdict { return Pretend() })
	remove() // an older hook's end does not take a newer one away
	if v := Decide(Open); !v.Skip || v.Err != nil {
		t.Errorf("newer hook lost: %+v", v)
	}
	newer()
	if v := Decide(Open); v.Skip {
		t.Errorf("after removal: %+v", v)
	}
}

func TestOpString(t *testing.T) {
	for o := Reserve; o < NumOps; o++ {
		if s := o.String(); s == "" || s[0] == 'O' {
			t.Errorf("operation %d has no name: %q", o, s)
		}
	}
	if s := Op(200).String(); s != "Op(200)" {
		t.Errorf("unknown operation: %q", s)
	}
}
