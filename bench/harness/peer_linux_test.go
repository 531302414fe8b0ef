package harness

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// testPeers serve as other libraries would: one does, the others don't.
var testPeers = []Peer{
	{"other", func(source []byte) ([]byte, error) {
		mem, err := mapped(len(source), -1)
		if err != nil {
			return nil, err
		}
		d, err := open(0)
		if err != nil {
			return nil, err
		}
		return mem, (&faults{bytes: os.Getpagesize(), memory: mem, source: source}).goroutine(d)
	}},
	{"short", func(source []byte) ([]byte, error) { return source[1:], nil }},
	{"broken", func([]byte) ([]byte, error) { return nil, errTest }},
}

var errTest = errors.New("for a test")

// A peer stands in the report beside the ways of this library.
func TestPeer(t *testing.T) {
	_, inChild, err := testgate.Child(t, 2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !inChild {
		return
	}
	needAll(t)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	e := effort{rounds: 2, faults: 800}
	page := os.Getpagesize()
	all := withPeers(comparisons(e, page), testPeers[:1])
	for _, c := range all {
		if !strings.HasPrefix(c.name, "fault/size="+kib(page)+"/c=poll") {
			continue
		}
		r, err := measure(settings{effort: e, cpu: -1, procs: 2}, []comparison{c}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, row := range r.Rows {
			if strings.Contains(row.Name, "/go=other/") && row.Go.Low > 0 {
				seen++
			}
		}
		if seen != 3 {
			t.Errorf("%+v", r.Rows)
		}
		return
	}
	t.Error("no comparison has peers")
}

func TestPeersThatFail(t *testing.T) {
	needAll(t)
	for name, want := range map[string]string{"short": "bytes for", "broken": errTest.Error()} {
		_, err := newFaults(name, []string{"-1", "poll", "0", "1", "4096", "8", "1", "1"})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPeersAreRefused(t *testing.T) {
	serve := testPeers[0].Serve
	for _, p := range []Peer{{"", serve}, {"resolver", serve}, {"nothing", nil}} {
		if admit([]Peer{p}) == nil {
			t.Errorf("%q is a peer", p.Name)
		}
	}
}
