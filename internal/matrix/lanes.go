package matrix

import (
	"bufio"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// lanes runs machines beside each other: at most n at a time, and not more at a
// time than memory (MiB; 0 if unknown) is for, but always one. The slowest begin,
// so that none of them is left at the end. It returns when all are done or, after
// ctx has ended, when those that run are.
func lanes(ctx context.Context, n, memory int, machines []Machine, run func(i int)) {
	order := schedule(machines)
	l := &loads{memory: memory}
	l.changed = sync.NewCond(&l.mu)
	// Under the lock: nobody is between looking at ctx and waiting then.
	defer context.AfterFunc(ctx, func() { l.mu.Lock(); defer l.mu.Unlock(); l.changed.Broadcast() })()
	var wg sync.WaitGroup
	for range max(n, 1) {
		wg.Go(func() {
			for {
				i, ok := l.take(ctx, machines, &order)
				if !ok {
					return
				}
				run(i)
				l.giveBack(machines[i].Memory())
			}
		})
	}
	wg.Wait()
}

// schedule lists the indexes of machines, the slowest first. Machines of one
// port stay together, for its programs are built once.
func schedule(machines []Machine) []int {
	slowest := map[string]float64{}
	for _, m := range machines {
		slowest[m.Port] = max(slowest[m.Port], m.Slow)
	}
	order := make([]int, len(machines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := machines[a], machines[b]
		switch {
		case slowest[x.Port] != slowest[y.Port]:
			return int(slowest[y.Port] - slowest[x.Port])
		case x.Port != y.Port:
			return strings.Compare(x.Port, y.Port)
		}
		return int(y.Slow - x.Slow)
	})
	return order
}

// loads is the memory of the machines that run.
type loads struct {
	mu      sync.Mutex
	changed *sync.Cond
	memory  int
	used    int
	running int
}

// take waits for a machine that there is room for. It takes the first that fits;
// ok is false when there is none left.
func (l *loads) take(ctx context.Context, machines []Machine, order *[]int) (i int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if len(*order) == 0 || ctx.Err() != nil {
			return 0, false
		}
		for at, i := range *order {
			if m := machines[i].Memory(); l.running == 0 || l.memory == 0 || l.used+m <= l.memory {
				*order = slices.Delete(*order, at, at+1)
				l.used += m
				l.running++
				return i, true
			}
		}
		l.changed.Wait()
	}
}

func (l *loads) giveBack(memory int) {
	l.mu.Lock()
	l.used -= memory
	l.running--
	l.mu.Unlock()
	l.changed.Broadcast()
}

// HostMemory is how many MiB of memory the host has free; 0 if that is unknown.
func HostMemory() int {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(rest, "kB")))
			if err == nil {
				return kib >> 10
			}
		}
	}
	return 0
}
