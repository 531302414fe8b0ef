package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	for _, tc := range []struct {
		args string
		want int
		says string
	}{
		{"-end", 0, ""},
		{"-pages x", 2, "invalid value"},
		{"-", 2, "what is -?"},
	} {
		var stdout, stderr bytes.Buffer
		got := run(strings.Fields(tc.args), &stdout, &stderr)
		if got != tc.want || !strings.Contains(stderr.String(), tc.says) {
			t.Errorf("%s: %d, want %d; %s", tc.args, got, tc.want, &stderr)
		}
	}
}
