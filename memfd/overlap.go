package memfd

import "container/heap"

// flatten cuts segments so that none overlap: where several want a byte, the one
// with the largest index gets it. order is their indexes sorted by offset.
//
// It sweeps over the offsets with a heap of the segments that cover the present
// one, so that a thousand segments over each other cost no more than a thousand
// beside each other, times a logarithm.
func flatten(segments []Segment, order []int) []Segment {
	var (
		out    []Segment
		active largestFirst
		owner  = -1 // the index that the last of out was cut from
		pos    uint64
	)
	for len(order) > 0 || len(active) > 0 {
		if len(active) == 0 {
			pos = segments[order[0]].Offset
		}
		for len(order) > 0 && segments[order[0]].Offset <= pos {
			heap.Push(&active, order[0])
			order = order[1:]
		}
		top := active[0]
		s := segments[top]
		if s.end() <= pos {
			heap.Pop(&active)
			continue
		}
		to := s.end()
		if len(order) > 0 {
			to = min(to, segments[order[0]].Offset)
		}
		piece := Segment{Offset: pos, Data: s.Data[pos-s.Offset : to-s.Offset]}
		if n := len(out); n > 0 && owner == top && out[n-1].end() == pos {
			out[n-1].Data = s.Data[out[n-1].Offset-s.Offset : to-s.Offset]
		} else {
			out = append(out, piece)
		}
		owner, pos = top, to
	}
	return out
}

// largestFirst is a heap of indexes.
type largestFirst []int

func (h largestFirst) Len() int           { return len(h) }
func (h largestFirst) Less(i, j int) bool { return h[i] > h[j] }
func (h largestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *largestFirst) Push(x any)        { *h = append(*h, x.(int)) }
func (h *largestFirst) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
