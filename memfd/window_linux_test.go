package memfd

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// shifted is what a window of a memory shows.
func shifted(want []byte, from, to, at uint64) []byte {
	out := make([]byte, at+to-from)
	n := uint64(len(want))
	copy(out[at:], want[min(from, n):min(to, n)])
	return out
}

func TestWindowsAgainstModel(t *testing.T) {
	name := unique(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	for i := range testgate.Rounds(100, 10) {
		size := page * (1 + r.Uint64N(12))
		segments := randomSegments(r, size, page)
		im, err := NewImage(segments, ImageOptions{Name: name, LaterWins: true})
		if err != nil {
			t.Fatal(err)
		}
		images, wants := []*Image{im}, [][]byte{model(segments, size)}
		for range 6 { // windows of windows, too
			k := r.IntN(len(images))
			from := page * r.Uint64N(14)
			to := from + page*r.Uint64N(14)
			at := page * r.Uint64N(6)
			w, err := images[k].Window(from, to, at)
			if err != nil {
				t.Fatal(err)
			}
			images, wants = append(images, w), append(wants, shifted(wants[k], from, to, at))
		}
		for len(images) > 0 { // closed in any order, the rest stays whole
			for k, im := range images {
				checkImage(t, im, wants[k])
			}
			k := r.IntN(len(images))
			closeImage(t, images[k])
			images, wants = append(images[:k], images[k+1:]...), append(wants[:k], wants[k+1:]...)
		}
		if left := leaks(t, name); t.Failed() || len(left) != 0 {
			t.Fatalf("seed %d, round %d: left behind: %v", seed, i, left)
		}
	}
}

// Two images in one file are two images: same descriptor, other bytes.
func TestTwoImagesShareAFile(t *testing.T) {
	im, err := NewImage([]Segment{{0, []byte("first")}, {page, []byte("second")}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	a, errA := im.Window(0, page, 0)
	b, errB := im.Window(page, 2*page, 3*page)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	closeImage(t, im)
	if a == b || a.Fd() < 0 || a.Fd() != b.Fd() || a.FileOffset() == b.FileOffset() {
		t.Errorf("descriptors %d and %d, file offsets %d and %d", a.Fd(), b.Fd(), a.FileOffset(), b.FileOffset())
	}
	checkImage(t, a, []byte("first"))
	checkImage(t, b, append(make([]byte, 3*page), "second"...))
	if err := a.Retain(); err != nil {
		t.Fatal(err)
	}
	closeImage(t, b) // a's user is none of b's business
	checkImage(t, a, []byte("first"))
	a.Release()
	closeImage(t, a)
}

func TestWindowRefuses(t *testing.T) {
	im, err := NewImage([]Segment{{0, []byte{1}}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	const top = math.MaxInt64
	aligned := uint64(top) &^ (page - 1)
	for _, test := range []struct {
		from, to, at uint64
		want         error
	}{
		{page, 0, 0, ErrRange},
		{0, math.MaxUint64 &^ (page - 1), 0, ErrRange},
		{0, 2 * page, aligned, ErrRange},
		{1, page, 0, ErrAlign},
		{0, page + 1, 0, ErrAlign},
		{0, page, page - 1, ErrAlign},
		{0, page, 0, nil},
		{0, aligned, 0, nil},
		{0, 0, aligned, nil},
	} {
		t.Run(fmt.Sprintf("%#x-%#x-%#x", test.from, test.to, test.at), func(t *testing.T) {
			w, err := im.Window(test.from, test.to, test.at)
			if !errors.Is(err, test.want) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if err == nil {
				closeImage(t, w)
			}
		})
	}
	if im.Users() != 0 {
		t.Errorf("%d users are left", im.Users())
	}
	closeImage(t, im)
	if _, err := im.Window(0, page, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed image: %v", err)
	}
}
