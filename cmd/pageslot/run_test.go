package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The command line, on every system: a mistake is one line, and nothing is done.
func TestRunBadUsage(t *testing.T) {
	for _, tc := range []struct {
		args  string
		words []string
	}{
		{"-slots 0", []string{"-slots 0", "1 or more"}},
		{"-slots -3", []string{"-slots -3"}},
		{"-slots many", []string{"-slots", "many"}},
		{"-slots 2147483647", []string{"-slots", "or less"}},
		{"-workers 0", []string{"-workers 0"}},
		{"-workers 1025", []string{"-workers 1025", "1024 or less"}},
		{"-rounds 0", []string{"-rounds 0"}},
		{"-rounds -1", []string{"-rounds -1"}},
		{"-dirty -1", []string{"-dirty -1", "0 or more"}},
		{"-size 64KB", []string{"-size", "64KB", "unit"}},
		{"-size -1", []string{"-size", "-1"}},
		{"-max-memory 1.5GiB", []string{"-max-memory", "1.5GiB"}},
		{"-reservation 4G", []string{"-reservation", "4G"}},
		{"-guard 16EiB", []string{"-guard", "64 bits"}},
		{"-seed -1", []string{"-seed", "-1"}},
		{"-seed 18446744073709551616", []string{"-seed"}},
		{"-json=perhaps", []string{"-json", "perhaps"}},
		{"-image=", []string{"-image", "empty"}},
	} {
		t.Run(tc.args, func(t *testing.T) {
			checkOneLine(t, call(append([]string{"run"}, strings.Fields(tc.args)...)...), exitUsage, append(tc.words, "pageslot run:")...)
		})
	}
}

func TestRunSeedIsExactInJSON(t *testing.T) {
	var first uint64
	for i := range 20 {
		o, _, ok := parseRun(nil, &bytes.Buffer{}, &bytes.Buffer{})
		if !ok || float64(o.seed) > 1<<53 {
			t.Fatalf("seed %d", o.seed)
		}
		if i > 0 && o.seed == first {
			t.Errorf("seed %d twice", first)
		}
		first = o.seed
	}
	o, _, ok := parseRun([]string{"-seed", "18446744073709551615"}, &bytes.Buffer{}, &bytes.Buffer{})
	if !ok || o.seed != math.MaxUint64 {
		t.Errorf("seed %d", o.seed)
	}
}

// runFor runs the command in this process with hooks, and reads its JSON.
func runFor(t *testing.T, hooks runHooks, args ...string) (runReport, called) {
	t.Helper()
	return runForContext(t, context.Background(), hooks, args...)
}

func runForContext(t *testing.T, ctx context.Context, hooks runHooks, args ...string) (runReport, called) {
	t.Helper()
	var out, errs bytes.Buffer
	status := runWith(ctx, hooks, append([]string{"-json"}, args...), &out, &errs)
	c := called{status, out.String(), errs.String()}
	var r runReport
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || d.More() {
		t.Fatalf("not one JSON object (%v): %s%s", err, c.stdout, c.stderr)
	}
	if c.stderr != "" || r.OK != (status == exitOK) {
		t.Errorf("status %d, ok %v, standard error %q", status, r.OK, c.stderr)
	}
	return r, c
}

// rawBytes is the length of the usual image: some pages, and a part of one.
func rawBytes() int { return 12*os.Getpagesize() + 848 }

// rawFile is an image of pages that differ, with a hole.
func rawFile(t *testing.T) string {
	t.Helper()
	data := make([]byte, rawBytes())
	for i := range data {
		if page := i / os.Getpagesize(); page != 3 {
			data[i] = byte(i*7 + i>>9)
		}
	}
	name := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
