package rawproc

import (
	"encoding/binary"
	"math/bits"
)

// Pid is the process's number. It is 0 as long as Fork has not made it.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 && p.own != nil && p.maker != nil {
		return int(p.maker.load(blkSpawned))
	}
	return p.pid
}

// Done is how many steps the process has done.
func (p *Process) Done() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, _ := p.done()
	return n
}

// done is Done, and the block that it was read from.
func (p *Process) done() (int, []byte) {
	block, n := p.after, 0
	if p.own != nil {
		block, n = p.own.block, int(p.own.load(blkDone))
	} else {
		n = int(binary.NativeEndian.Uint32(block[blkDone:]))
	}
	return max(0, min(n-hidden, len(p.ops))), block
}

// Result is the result of a step, if it is done; 0 where a step has none.
func (p *Process) Result(i int) (value uint64, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, block := p.done()
	if i < 0 || i >= n {
		return 0, false
	}
	return p.ops[i].result(block[blkProgram+(hidden+i)*recSize:], bits.UintSize), true
}

// Fault is the bad access that ended the process, if one did and it has ended.
func (p *Process) Fault() (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.after == nil {
		return Fault{}, false
	}
	f := fault(p.after, bits.UintSize, isMips)
	return f, f.Signal != 0
}
