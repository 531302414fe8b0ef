package main

import (
	"github.com/pageslot/pageslot/internal/oracle"
	"github.com/pageslot/pageslot/internal/program"
	"github.com/pageslot/pageslot/memfd"
)

// A subject is what a lease begins with: an image, and an oracle that knows its
// bytes without having asked it.
type subject struct {
	name   string
	image  *memfd.Image // nil: none, zeros
	oracle oracle.Oracle
	least  uint64 // the smallest size that holds it
	size   uint64 // of most leases of it
}

// imageName begins the names of the files of images.
const imageName = "pageslot-run"

// patternPages is how many pages the synthetic image has at most.
const patternPages = 64

// subjects are the file's image, a synthetic one with holes, and none. The caller
// closes their images. shift is a test's way to put a segment where it should not be.
func subjects(file string, p *program.Program, size, page uint64, shift func([]memfd.Segment)) (list [3]subject, err error) {
	list[0] = subject{name: "the file's image", least: p.Size}
	if list[0].oracle, err = oracle.File(file, page); err != nil {
		return list, err
	}
	var segments []memfd.Segment
	for _, s := range p.Segments {
		segments = append(segments, memfd.Segment{Offset: s.Offset, Data: s.Data})
	}
	if shift != nil {
		shift(segments)
	}
	if list[0].image, err = memfd.NewImage(segments, memfd.ImageOptions{Name: imageName + "-file", Limit: roundUp(max(p.Size, size), page)}); err != nil {
		return list, err
	}

	list[0].size = size
	pattern := oracle.Pattern{Page: page, Pages: min(size/page, patternPages)}
	list[1] = subject{name: "the synthetic image", oracle: pattern, least: pattern.Size(), size: size}
	list[1].image, err = memfd.NewImage(patternSegments(pattern), memfd.ImageOptions{Name: imageName + "-synthetic"})
	list[2] = subject{name: "no image", oracle: oracle.Zeros{}, size: size}
	return list, err
}

// patternSegments cuts the pattern into segments that begin and end at odd places
// and leave the holes out.
func patternSegments(t oracle.Pattern) []memfd.Segment {
	var list []memfd.Segment
	for p := range t.Pages {
		if t.Hole(p) {
			continue
		}
		data := make([]byte, t.Page)
		t.Fill(data, p*t.Page)
		cut := 1 + p*37%(t.Page-1)
		list = append(list,
			memfd.Segment{Offset: p * t.Page, Data: data[:cut]},
			memfd.Segment{Offset: p*t.Page + cut, Data: data[cut:]})
	}
	return list
}

// closeImages ends the images.
func closeImages(list []subject) (first error) {
	for _, s := range list {
		if s.image == nil {
			continue
		}
		if err := s.image.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
