package memfd_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/pageslot/pageslot/memfd"
)

// Two pieces of a memory, and what becomes of them.
func ExampleNewImage() {
	page := uint64(os.Getpagesize())
	image, err := memfd.NewImage([]memfd.Segment{
		{Offset: 3*page + 100, Data: []byte("hello")},
		{Offset: 5 * page, Data: make([]byte, page)}, // zeros at the end: trimmed
	}, memfd.ImageOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer image.Close()
	fmt.Println("first page:", image.Offset()/page, "pages:", image.Len()/page)

	// A slot retains the image for as long as it has it mapped.
	if err := image.Retain(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("in use:", errors.Is(image.Close(), memfd.ErrInUse))
	image.Release()
	// Output:
	// first page: 3 pages: 1
	// in use: true
}

// One file for the memories of a module that has two.
func ExampleImage_Window() {
	page := uint64(os.Getpagesize())
	whole, err := memfd.NewImage([]memfd.Segment{
		{Offset: 0, Data: []byte("first memory")},
		{Offset: page, Data: []byte("second memory")},
	}, memfd.ImageOptions{Name: "module"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer whole.Close()
	second, err := whole.Window(page, 2*page, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Close()
	text := make([]byte, 13)
	if _, err := second.ReadAt(text, 0); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", text)
	// Output: second memory
}

// A file that two mappings share, until it is sealed.
func ExampleFile_AddSeals() {
	f, err := memfd.Create("example", memfd.AllowSealing)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("for ever"), 0); err != nil {
		fmt.Println(err)
		return
	}
	if err := f.AddSeals(memfd.SealWrite | memfd.SealSeal); err != nil {
		fmt.Println(err)
		return
	}
	_, err = f.WriteAt([]byte("no more!"), 0)
	fmt.Println(err)
	// Output: memfd: pwrite "example" of 8 bytes at 0x0 (the file is sealed against it): operation not permitted
}
