package memfd

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"

	"github.com/pageslot/pageslot/testgate"
)

func TestImagesAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	name := unique(t)
	for i := range testgate.Rounds(200, 20) {
		size := page * (1 + r.Uint64N(12))
		segments := randomSegments(r, size, page)
		im, err := NewImage(segments, ImageOptions{Name: name, Limit: size, LaterWins: true})
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, im, model(segments, size))
		closeImage(t, im)
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, i)
		}
	}
}

func TestImageTrimsAndKeepsHoles(t *testing.T) {
	segments := []Segment{
		{0, make([]byte, 2*page)},                    // zeros at the beginning
		{3*page - 1, []byte{1, 2}},                   // over the edge of pages 2 and 3
		{5 * page, make([]byte, 3*page)},             // zeros between
		{9*page + 7, []byte{0, 3, 0}},                // page 9
		{10 * page, bytes.Repeat([]byte{0}, 1<<16)},  // zeros at the end
		{1 << 20, nil},                               // nothing
		{12*page + 1<<16, make([]byte, int(page)/2)}, // half a page of zeros
	}
	im, err := NewImage(segments, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeImage(t, im)
	if im.Offset() != 2*page || im.End() != 10*page || im.DataLen() != 3*page {
		t.Fatalf("%v, want [%#x, %#x) with %d bytes of data", im, 2*page, 10*page, 3*page)
	}
	// Before anybody reads through a mapping, the file has three pages and no
	// more, and is exactly as long as the image.
	st := stat(t, im)
	if uint64(st.Size) != im.Len() || uint64(st.Blocks)*512 != 3*page {
		t.Errorf("the file has %d bytes and %d of memory, want %d and %d", st.Size, st.Blocks*512, im.Len(), 3*page)
	}
	var got []span
	for pos := int64(0); ; {
		from, err := unix.Seek(im.Fd(), pos, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		to, err := unix.Seek(im.Fd(), from, unix.SEEK_HOLE)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, span{uint64(from), uint64(to)})
		pos = to
	}
	if len(got) != 2 || got[0] != (span{0, 2 * page}) || got[1] != (span{7 * page, 8 * page}) {
		t.Errorf("data in the file: %v", got)
	}
	// Reading with ReadAt leaves the holes alone.
	if _, err := im.ReadAt(make([]byte, 20*page), 0); err != nil {
		t.Fatal(err)
	}
	if now := stat(t, im); now.Blocks != st.Blocks {
		t.Errorf("%d blocks after ReadAt, %d before", now.Blocks, st.Blocks)
	}
	checkImage(t, im, model(segments, 16*page+1<<16))
}

func TestImageOfZeros(t *testing.T) {
	for name, segments := range map[string][]Segment{
		"none":  nil,
		"empty": {{DefaultLimit, nil}, {5, []byte{}}},
		"zeros": {{page, make([]byte, 5*page)}, {1, []byte{0}}},
	} {
		t.Run(name, func(t *testing.T) {
			im, err := NewImage(segments, ImageOptions{Name: unique(t)})
			if err != nil {
				t.Fatal(err)
			}
			checkImage(t, im, nil)
			if left := leaks(t, im.Name()); len(left) != 0 {
				t.Errorf("an image of zeros has %v", left)
			}
			source, err := im.Source()
			if err != nil || source == nil || len(source) != 0 {
				t.Errorf("source %v, %v", source, err)
			}
			got := bytes.Repeat([]byte{1}, 100)
			if n, err := im.ReadAt(got, 12345); n != 100 || err != nil || bytes.ContainsRune(got, 1) {
				t.Errorf("ReadAt: %d, %v, %v", n, err, got)
			}
			if err := im.Retain(); err != nil {
				t.Fatal(err)
			}
			if err := im.Close(); !errors.Is(err, ErrInUse) {
				t.Errorf("Close while retained: %v", err)
			}
			im.Release()
			closeImage(t, im)
			if _, err := im.Source(); !errors.Is(err, ErrClosed) {
				t.Errorf("Source after Close: %v", err)
			}
		})
	}
}

func TestImageFromPages(t *testing.T) {
	const size = 1 << 16 // of WebAssembly
	one, two := bytes.Repeat([]byte{1}, size), bytes.Repeat([]byte{2}, size)
	want := make([]byte, 6*size)
	copy(want[2*size:], one)
	copy(want[4*size:], two)
	pages := []Page{{4, two}, {2, one}, {0, make([]byte, size)}}
	options := ImageOptions{Name: unique(t), PageSize: size}
	im, err := NewImageFromPages(pages, options)
	if err != nil {
		t.Fatal(err)
	}
	checkImage(t, im, want)
	closeImage(t, im)

	if _, err := NewImageFromPages(append(pages, Page{2, two}), options); !errors.Is(err, ErrOverlap) {
		t.Errorf("a page given twice: %v", err)
	}
	if _, err := NewImageFromPages([]Page{{0, one[1:]}}, options); !errors.Is(err, ErrRange) {
		t.Errorf("a page that is too short: %v", err)
	}
	im, err = NewImageFromPages([]Page{{1, make([]byte, page)}, {3, bytes.Repeat([]byte{9}, int(page))}}, ImageOptions{Name: options.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer closeImage(t, im)
	if im.Offset() != 3*page || im.Len() != page {
		t.Errorf("%v with the default page size", im)
	}
}

// The limit, and what is refused: nothing is made then.
func TestImageRefuses(t *testing.T) {
	name := unique(t)
	x := []byte{1}
	for _, test := range []struct {
		name     string
		segments []Segment
		options  ImageOptions
		want     error
	}{
		{"default limit", []Segment{{DefaultLimit, x}}, ImageOptions{}, ErrRange},
		{"own limit", []Segment{{100, x}}, ImageOptions{Limit: 100}, ErrRange},
		{"overflow", []Segment{{math.MaxUint64, []byte{1, 2}}}, ImageOptions{Limit: math.MaxInt64 &^ (page - 1)}, ErrRange},
		{"overlap", []Segment{{5, x}, {5, x}}, ImageOptions{}, ErrOverlap},
		{"no such limit", nil, ImageOptions{Limit: math.MaxInt64}, ErrRange},
		{"name", []Segment{{5, x}}, ImageOptions{Name: strings.Repeat("x", 250)}, syscall.EINVAL},
		{"zero byte in the name", []Segment{{5, x}}, ImageOptions{Name: "a\x00b"}, syscall.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.options.Name == "" {
				test.options.Name = name
			}
			im, err := NewImage(test.segments, test.options)
			if im != nil || !errors.Is(err, test.want) {
				t.Errorf("got %v, %v; want %v", im, err, test.want)
			}
		})
	}
	// Just within it.
	im, err := NewImage([]Segment{{DefaultLimit - 1, x}}, ImageOptions{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if im.End() != DefaultLimit || im.Len() != page {
		t.Errorf("%v", im)
	}
	closeImage(t, im)
	im, err = NewImage([]Segment{{1 << 40, x}}, ImageOptions{Name: name, Limit: math.MaxInt64 &^ (page - 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeImage(t, im)
	if im.Offset() != 1<<40 || im.Len() != page || im.FileOffset() != 0 || stat(t, im).Size != int64(page) {
		t.Errorf("%v, file offset %d, file of %d bytes", im, im.FileOffset(), stat(t, im).Size)
	}
}

// What the image is for: pages that many map and each changes for himself.
func TestImageIsSealed(t *testing.T) {
	im, err := NewImage([]Segment{{page, []byte{1, 2, 3}}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeImage(t, im)
	if _, err := im.file.WriteAt([]byte{9}, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("write: %v", err)
	}
	for _, size := range []int64{0, int64(im.Len()) - 1, int64(im.Len()) + 1} {
		if err := im.file.Truncate(size); !errors.Is(err, unix.EPERM) {
			t.Errorf("truncate to %d: %v", size, err)
		}
	}
	if err := im.file.AddSeals(SealFutureWrite); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "FUTURE_WRITE") {
		t.Errorf("another seal: %v", err)
	}
	if _, err := im.file.MapShared(0, int(page), ProtRead|ProtWrite); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a shared mapping that may write: %v", err)
	}
	if err := unix.Fallocate(im.Fd(), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, int64(page)); !errors.Is(err, unix.EPERM) {
		t.Errorf("a hole: %v", err)
	}
	checkImage(t, im, model([]Segment{{page, []byte{1, 2, 3}}}, 2*page))
}

func TestImageMappedAsASlotDoes(t *testing.T) {
	want := make([]byte, 8*page)
	copy(want[2*page+5:], "hello")
	copy(want[4*page:], bytes.Repeat([]byte{7}, int(page)))
	im, err := NewImage([]Segment{{0, want}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeImage(t, im)
	if err := im.Retain(); err != nil {
		t.Fatal(err)
	}
	defer im.Release()
	length := uintptr(len(want))
	const rw, anonymous = sys.PROT_READ | sys.PROT_WRITE, sys.MAP_PRIVATE | sys.MAP_ANONYMOUS
	base, err := sys.Mmap(0, length, rw, anonymous, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sys.Munmap(base, length); err != nil {
			t.Error(err)
		}
	}()
	if _, err := sys.Mmap(base+uintptr(im.Offset()), uintptr(im.Len()), rw, sys.MAP_PRIVATE|sys.MAP_FIXED, im.Fd(), im.FileOffset()); err != nil {
		t.Fatal(err)
	}
	slot := bytesAt(base, len(want))
	for range 3 {
		if !bytes.Equal(slot, want) {
			t.Fatal("the slot does not hold the image")
		}
		for i := range slot {
			slot[i] ^= 0xff
		}
		if err := sys.Madvise(base, length, sys.MADV_DONTNEED); err != nil {
			t.Fatal(err)
		}
	}
	checkImage(t, im, want)
}

func TestImageInUse(t *testing.T) {
	im, err := NewImage([]Segment{{0, []byte{1}}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := im.Retain(); err != nil {
			t.Fatal(err)
		}
	}
	for n := 2; n > 0; n-- {
		err := im.Close()
		if !errors.Is(err, ErrInUse) || !errors.Is(err, syscall.EBUSY) || errors.Is(err, ErrClosed) {
			t.Fatalf("Close with %d users: %v", n, err)
		}
		checkImage(t, im, []byte{1})
		im.Release()
	}
	if im.Users() != 0 {
		t.Errorf("%d users", im.Users())
	}
	for range 2 {
		closeImage(t, im)
	}
	if err := im.Retain(); !errors.Is(err, ErrClosed) || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Retain after Close: %v", err)
	}
	if _, err := im.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrClosed) {
		t.Errorf("ReadAt after Close: %v", err)
	}
	if im.Fd() != -1 || im.Users() != 0 {
		t.Errorf("after Close: descriptor %d, %d users", im.Fd(), im.Users())
	}
	if im.Len() != page {
		t.Errorf("after Close the length is %d", im.Len())
	}
}

// A Release too many takes nobody else's image away if nobody else has it, and
// is not kept secret.
func TestImageReleasedTooOften(t *testing.T) {
	im, err := NewImage([]Segment{{0, []byte{1}}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	im.Release()
	if im.Users() != 0 {
		t.Fatalf("%d users", im.Users())
	}
	if err := im.Retain(); err != nil {
		t.Fatal(err)
	}
	if err := im.Close(); !errors.Is(err, ErrInUse) {
		t.Errorf("Close while retained: %v", err)
	}
	im.Release()
	if err := im.Close(); !errors.Is(err, ErrUnbalanced) {
		t.Errorf("Close: %v, want %v", err, ErrUnbalanced)
	}
	closeImage(t, im) // the first closed it all the same
	im.Release()
	if im.users.Load() != closedImage {
		t.Errorf("a Release after Close changed the count to %d", im.users.Load())
	}
}

func TestImageReadAt(t *testing.T) {
	im, err := NewImage([]Segment{{2*page - 2, []byte{1, 2, 3, 4}}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeImage(t, im)
	all := model([]Segment{{2*page - 2, []byte{1, 2, 3, 4}}}, 6*page)
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		from := r.Uint64N(6 * page)
		want := all[from : from+r.Uint64N(6*page-from+1)]
		got := bytes.Repeat([]byte{0xaa}, len(want))
		if n, err := im.ReadAt(got, int64(from)); n != len(want) || err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes at %#x: %d, %v", len(want), from, n, err)
		}
	}
	got := []byte{1, 1}
	if n, err := im.ReadAt(got, math.MaxInt64-2); n != 2 || err != nil || got[0] != 0 || got[1] != 0 {
		t.Errorf("far behind the end: %d, %v, %v", n, err, got)
	}
	for _, off := range []int64{-1, math.MinInt64, math.MaxInt64 - 1} {
		if n, err := im.ReadAt(got, off); n != 0 || !errors.Is(err, ErrRange) {
			t.Errorf("at %d: %d, %v", off, n, err)
		}
	}
}

func TestSourceIsMadeOnce(t *testing.T) {
	im, err := NewImage([]Segment{{page, []byte{1, 2, 3}}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeImage(t, im)
	var wait sync.WaitGroup
	sources := make([][]byte, 8)
	for i := range sources {
		wait.Go(func() {
			s, err := im.Source()
			if err != nil {
				t.Error(err)
			}
			sources[i] = s
		})
	}
	wait.Wait()
	for _, s := range sources {
		if uint64(len(s)) != page || &s[0] != &sources[0][0] {
			t.Fatal("two sources")
		}
	}
}

// Retain, Release, reads and Close against each other: whoever retained the
// image reads the right bytes, whoever comes late gets ErrClosed.
func TestImageRaces(t *testing.T) {
	name := unique(t)
	for range testgate.Rounds(200, 20) {
		im, err := NewImage([]Segment{{page, []byte{1, 2, 3}}}, ImageOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		var begun, wait sync.WaitGroup
		begun.Add(4)
		for range 4 {
			wait.Go(func() {
				for i := range 20 {
					if i == 1 {
						begun.Done()
					}
					var b [3]byte
					if err := im.Retain(); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						_, err := im.ReadAt(b[:], int64(page))
						if !errors.Is(err, ErrClosed) {
							t.Errorf("ReadAt after Close: %v", err)
						}
						return
					}
					s, err := im.Source()
					if err != nil || s[0] != 1 {
						t.Errorf("source: %v", err)
					}
					if _, err := im.ReadAt(b[:], int64(page)); err != nil || b != [3]byte{1, 2, 3} {
						t.Errorf("ReadAt: %v, %v", b, err)
					}
					im.Release()
					runtime.Gosched() // or they keep the one that closes waiting
				}
			})
		}
		begun.Wait()
		for {
			err := im.Close()
			if err == nil {
				break
			}
			if !errors.Is(err, ErrInUse) {
				t.Fatal(err)
			}
		}
		wait.Wait()
		if im.users.Load() != closedImage {
			t.Fatalf("count %d after Close", im.users.Load())
		}
	}
}

// A build that fails, at its first call and in the middle, leaves nothing, and
// the next one works. The kernel is made to refuse by limits on descriptors and
// on file sizes.
func TestImageBuildFails(t *testing.T) {
	name := unique(t)
	build := func() error {
		im, err := NewImage([]Segment{{0, bytes.Repeat([]byte{1}, int(4*page))}}, ImageOptions{Name: name})
		if err == nil {
			checkImage(t, im, bytes.Repeat([]byte{1}, int(4*page)))
			return im.Close()
		}
		return err
	}
	for _, limit := range []struct {
		name     string
		resource int
		value    uint64
		want     error
	}{
		{"descriptors", unix.RLIMIT_NOFILE, 0, unix.EMFILE},
		{"file size", unix.RLIMIT_FSIZE, page, unix.EFBIG},
	} {
		t.Run(limit.name, func(t *testing.T) {
			var old unix.Rlimit
			if err := unix.Getrlimit(limit.resource, &old); err != nil {
				t.Fatal(err)
			}
			if err := unix.Setrlimit(limit.resource, &unix.Rlimit{Cur: limit.value, Max: old.Max}); err != nil {
				t.Fatal(err)
			}
			err := build()
			if err := unix.Setrlimit(limit.resource, &old); err != nil {
				t.Fatal(err)
			}
			if !errors.Is(err, limit.want) {
				t.Errorf("%v, want %v", err, limit.want)
			}
			if left := leaks(t, name); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			if err := build(); err != nil {
				t.Errorf("after the failure: %v", err)
			}
		})
	}
}

func TestImageAllocatesNothingInUse(t *testing.T) {
	im, err := NewImage([]Segment{{page, []byte{1}}}, ImageOptions{Name: unique(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeImage(t, im)
	buf := make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		if err := im.Retain(); err != nil {
			t.Fatal(err)
		}
		if _, err := im.Source(); err != nil {
			t.Fatal(err)
		}
		if _, err := im.ReadAt(buf, int64(page)); err != nil {
			t.Fatal(err)
		}
		if im.Fd() < 0 {
			t.Fatal(im.Fd())
		}
		im.Release()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
