package testgate

import "testing"

func TestRounds(t *testing.T) {
	want := 1000
	if testing.Short() {
		want = 10
	}
	if got := Rounds(1000, 10); got != want {
		t.Errorf("%d rounds, want %d", got, want)
	}
}
