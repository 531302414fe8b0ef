package manager

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

func init() {
	children["bench"] = touchAll
}

const benchPages = 20000

// touchAll touches all pages, one after the other, and prints how long it took.
func touchAll(c *client) error {
	if cpu := os.Getenv("PAGESLOT_MANAGER_CPU"); cpu != "" {
		n, err := strconv.Atoi(cpu)
		if err != nil {
			return err
		}
		runtime.LockOSThread()
		var set unix.CPUSet
		set.Set(n)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return err
		}
	}
	mem, err := c.served(benchPages, 1)
	if err != nil {
		return err
	}
	var sum byte
	begin := time.Now()
	for i := 0; i < len(mem); i += int(systemPage) {
		sum += mem[i]
	}
	fmt.Println(time.Since(begin).Nanoseconds())
	runtime.KeepAlive(sum)
	return nil
}

// nothing is a source that costs nothing.
type nothing struct{}

func (nothing) ReadAt(p []byte, offset int64) (int, error) { return len(p), nil }

// The faults of another process: what one costs it, and what a page does with a
// granule.
func BenchmarkFaults(b *testing.B) {
	needs(b, 0)
	for _, granule := range []uint64{1, 64 << 10} {
		b.Run(fmt.Sprintf("granule=%d", granule), func(b *testing.B) {
			s := newStation(b, Options{Granule: granule})
			s.sources[1] = nothing{}
			var total, faults float64
			for b.Loop() {
				c := s.spawn("bench")
				if err := c.wait(); err != nil {
					b.Fatal(err)
				}
				var ns float64
				if _, err := fmt.Sscan(c.output.String(), &ns); err != nil {
					b.Fatal(err)
				}
				total += ns
			}
			faults = float64(s.m.Stats().Missing)
			b.ReportMetric(total/faults, "ns/fault")
			b.ReportMetric(total/float64(b.N)/benchPages, "ns/page")
			b.ReportMetric(0, "ns/op")
			s.stop()
		})
	}
}

// What the Manager itself costs, without a kernel.
func BenchmarkDeciding(b *testing.B) {
	quiet := &quiet{}
	stage := newStage(&world{}, Options{Granule: 1})
	process := &process{id: 1, pidfd: -1, calls: quiet, layout: mustLayout(b, Region{Range: at(1<<16, 1<<20), Source: nothing{}})}
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		quiet.queue[0] = event{kind: uffd.EventPagefault}
		quiet.queue[0].fault.Address = (1<<16 + i%(1<<20)) * systemPage
		quiet.queue[1] = quiet.queue[0]
		quiet.unread = true
		i++
		stage.serve(process)
	}
}
