//go:build !linux

package resolver

import (
	"context"
	"errors"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

func TestElsewhere(t *testing.T) {
	if r, err := Start(nil, Options{}); r != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Start: %v, %v", r, err)
	}
	var r Resolver
	at := uffd.Range{Start: 4096, Len: 4096}
	hits, hitsErr := r.Hits(at, []uint64{1})
	writes, writesErr := r.Writes(at, []uint64{1})
	n, readErr := r.Read(context.Background(), make([]Message, 1))
	for name, err := range map[string]error{
		"Serve": r.Serve(Rule{Range: at, Missing: Zero}), "Change": r.Change(), "Fail": r.Fail(at), "Finish": r.Finish(at),
		"Hits": hitsErr, "Writes": writesErr, "Reset": r.Reset(at), "Read": readErr,
		"Stop": r.Stop(), "StopFinished": r.StopFinished(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(hits) != 1 || len(writes) != 1 || n != 0 || r.Ranges() != nil || r.Err() != nil || r.Stats() != (Stats{}) {
		t.Error("a Resolver that cannot be does something")
	}
}
