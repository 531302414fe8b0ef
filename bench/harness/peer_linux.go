package harness

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// admit makes ways of them.
func admit(peers []Peer) error {
	for _, p := range peers {
		if _, ok := ways[p.Name]; ok || p.Name == "" || p.Serve == nil {
			return fmt.Errorf("%q can't be the name of a peer, or does nothing", p.Name)
		}
		serve := func(f *faults, _ *uffd.Descriptor) error {
			mem, err := p.Serve(f.source)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			if len(mem) != len(f.source) {
				return fmt.Errorf("%s gave %d bytes for %d", p.Name, len(mem), len(f.source))
			}
			f.memory = mem
			_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE) // as the others have it
			return nil
		}
		ways[p.Name] = way{0, serve, (*faults).plain}
	}
	return nil
}
