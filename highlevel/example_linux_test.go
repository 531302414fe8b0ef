package highlevel_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/sys"
)

// check ends an example that failed.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Two tenants, one after the other. This is the example of README.md, word for word:
// internal/lint compares them.
func Example() {
	image, err := memfd.NewImage([]memfd.Segment{{Data: []byte("hello, tenant")}}, memfd.ImageOptions{})
	check(err)
	defer image.Close()
	pool, err := highlevel.New(highlevel.Config{}) // mostly 1,000 slots, each of up to 4 GiB
	check(err)
	defer pool.Close()
	for range 2 {
		lease, err := pool.Tenant().Acquire(image, 64<<10) // 64 KiB: the image, then zeros
		check(err)
		check(lease.Do(func(v highlevel.View) error {
			fmt.Printf("slot %d: %s\n", v.Slot(), v.Bytes()[:13])
			copy(v.Bytes(), "goodbye")
			return nil
		}))
		check(lease.Release()) // the slot forgets the goodbye
	}
	// Output:
	// slot 0: hello, tenant
	// slot 0: hello, tenant
}

// A pool for programs of one megabyte, and what it says when all is leased.
func ExamplePool() {
	pool, err := highlevel.New(highlevel.Config{
		Slots:       2,
		MaxMemory:   1 << 20,
		Reservation: 16 << 20, // accesses up to here are not checked by the tenants' code
		Guard:       1 << 20,
	})
	check(err)
	defer pool.Close()
	tenant := pool.Tenant()
	first, err := tenant.Acquire(nil, 64<<10)
	check(err)
	second, err := tenant.Acquire(nil, 64<<10)
	check(err)
	_, err = tenant.Acquire(nil, 64<<10)
	fmt.Println("a third:", errors.Is(err, highlevel.ErrExhausted))

	fmt.Println("closed under them:", errors.Is(pool.Close(), highlevel.ErrBusy))
	check(first.Release())
	check(second.Release())
	st := pool.Stats()
	fmt.Println("leased:", st.Leased, "warm:", st.Warm, "refused:", st.Refused)
	// Output:
	// a third: true
	// closed under them: true
	// leased: 0 warm: 2 refused: 1
}

// An image stays in use while a slot is warm with it. Purge lets go of it.
func ExamplePool_Purge() {
	image, err := memfd.NewImage([]memfd.Segment{{Data: []byte("version 1")}}, memfd.ImageOptions{})
	check(err)
	pool, err := highlevel.New(highlevel.Config{Slots: 4, MaxMemory: 1 << 20, Reservation: 1 << 20})
	check(err)
	defer pool.Close()
	lease, err := pool.Tenant().Acquire(image, 64<<10)
	check(err)
	check(lease.Release())

	fmt.Println("in use:", errors.Is(image.Close(), memfd.ErrInUse))
	n, err := pool.Purge(image)
	check(err)
	fmt.Println("slots that had it:", n)
	fmt.Println("closed:", image.Close() == nil)
	// Output:
	// in use: true
	// slots that had it: 1
	// closed: true
}

// Memory that grows stays where it is; what is new reads as zeros.
func ExampleLease_Grow() {
	pool, err := highlevel.New(highlevel.Config{Slots: 4, MaxMemory: 1 << 20, Reservation: 1 << 20})
	check(err)
	defer pool.Close()
	lease, err := pool.Tenant().Acquire(nil, 64<<10)
	check(err)
	check(lease.Do(func(v highlevel.View) error {
		base := v.Base()
		if err := v.Grow(128 << 10); err != nil {
			return err
		}
		mem := v.Bytes() // asked for again: it is longer now
		fmt.Println(len(mem), mem[len(mem)-1], v.Base() == base)
		return nil
	}))
	fmt.Println("beyond MaxMemory:", errors.Is(lease.Grow(2<<20), highlevel.ErrMemory))
	check(lease.Release())
	fmt.Println("after its end:", errors.Is(lease.Grow(256<<10), highlevel.ErrReleased))
	// Output:
	// 131072 0 true
	// beyond MaxMemory: true
	// after its end: true
}

// A Slot is for who keeps slots and their reservation himself. A [Pool] does both.
func ExampleSlot() {
	const length, max = 4 << 20, 1 << 20
	addr, err := sys.Mmap(0, length, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_NORESERVE, -1, 0)
	check(err)
	defer sys.Munmap(addr, length)
	check(sys.Madvise(addr, length, sys.MADV_DONTDUMP))

	slot, err := highlevel.NewSlot(addr, length, max)
	check(err)
	fmt.Println(slot.State(), slot.Accessible())
	check(slot.Instantiate(nil, 64<<10))
	fmt.Println(slot.State(), slot.Accessible())
	check(slot.Grow(128 << 10))
	check(slot.Clear(0))
	fmt.Println(slot.State(), slot.Accessible())
	check(slot.Reserve())
	fmt.Println(slot.State(), slot.Accessible())
	// Output:
	// unmapped 0
	// in use 65536
	// ready 131072
	// unmapped 0
}
