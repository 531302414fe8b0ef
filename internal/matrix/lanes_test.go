package matrix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

func TestSchedule(t *testing.T) {
	var machines []Machine
	for _, m := range []struct {
		port string
		slow float64
	}{{"amd64", 10}, {"s390x", 40}, {"amd64", 12}, {"ppc64le", 40}, {"s390x", 30}, {"ppc64le", 40}} {
		machines = append(machines, Machine{Port: m.port, Slow: m.slow})
	}
	if got := fmt.Sprint(schedule(machines)); got != "[3 5 1 4 2 0]" {
		t.Errorf("order %s", got)
	}
}

// Every machine runs once, within the lanes and the memory; one that is too large
// for the memory runs alone.
func TestLanesProperty(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		machines := make([]Machine, r.IntN(12))
		for i := range machines {
			machines[i] = Machine{Port: fmt.Sprint(r.IntN(3)), Slow: float64(1 + r.IntN(40)), QEMU: QEMU{Args: fmt.Sprint("-m ", 512*(1+r.IntN(4)))}}
		}
		n, memory := 1+r.IntN(4), r.IntN(3)*1500
		var mu sync.Mutex
		ran, running, used := map[int]int{}, 0, 0
		lanes(context.Background(), n, memory, machines, func(i int) {
			mu.Lock()
			ran[i]++
			running++
			used += machines[i].Memory()
			if running > n || memory > 0 && running > 1 && used > memory {
				t.Errorf("seed %d: %d machines in %d lanes, %d of %d MiB", seed, running, n, used, memory)
			}
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			running--
			used -= machines[i].Memory()
			mu.Unlock()
		})
		if len(ran) != len(machines) {
			t.Errorf("seed %d: %d of %d machines ran", seed, len(ran), len(machines))
		}
		for i, times := range ran {
			if times != 1 {
				t.Errorf("seed %d: machine %d ran %d times", seed, i, times)
			}
		}
	}
}

// Nothing starts after ctx has ended, and a lane that waits for memory goes too.
func TestLanesEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	machines := make([]Machine, 5)
	for i := range machines {
		machines[i].QEMU.Args = "-m 1024"
	}
	ran := 0
	lanes(ctx, 3, 1024, machines, func(int) {
		ran++ // the memory is for one at a time
		cancel()
	})
	if ran != 1 {
		t.Errorf("%d machines ran", ran)
	}
}
