package memfd

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// What a slot pays for each change of its image.
func BenchmarkRetainRelease(b *testing.B) {
	im, err := NewImage([]Segment{{0, []byte{1}}}, ImageOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer im.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := im.Retain(); err != nil {
			b.Fatal(err)
		}
		im.Release()
	}
}

// Building an image, beside the bare calls that write the same bytes: the
// difference is what planning costs, which reads every byte once.
func BenchmarkImage(b *testing.B) {
	for _, size := range []uint64{64 << 10, 1 << 20, 16 << 20} {
		data := make([]byte, size)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		b.Run("bytes="+strconv.FormatUint(size, 10)+"/build", func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				im, err := NewImage([]Segment{{0, data}}, ImageOptions{})
				if err == nil {
					err = im.Close()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("bytes="+strconv.FormatUint(size, 10)+"/bare", func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				fd, err := unix.MemfdCreate("bare", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC)
				if err != nil {
					b.Fatal(err)
				}
				if err := unix.Ftruncate(fd, int64(size)); err != nil {
					b.Fatal(err)
				}
				if n, err := unix.Pwrite(fd, data, 0); n != len(data) || err != nil {
					b.Fatal(n, err)
				}
				if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, int(ImageSeals)); err != nil {
					b.Fatal(err)
				}
				if err := unix.Close(fd); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
