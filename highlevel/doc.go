// Package highlevel assembles memfd images and address-space arithmetic into a pool of
// memory slots that forgets everything between tenants.
//
// A slot is a stretch of address space: up to a size it is readable and writable, and
// holds an image (copy-on-write) and zeros; the rest is inaccessible. A tenant takes a
// slot as a [Lease], works in it, and gives it back; the next tenant sees the image and
// zeros again, and not one byte of the last one.
//
//	a slot            size                    MaxMemory     Reservation + Guard
//	|                  |                          |                 |
//	+-------+--------+-+--------------------------+-----------------+
//	| zeros | image  |0| inaccessible, until Grow | inaccessible    |
//	+-------+--------+-+--------------------------+-----------------+
//	|<---- Bytes() --->|                                            |
//	|<------------- faulting region: never another slot's --------->|
//
// [NewLayout] has the arithmetic of where slots lie, [Slot] is one slot on any
// reservation of address space, [Pool] leases many, and [Lease.Do] turns a fault in a
// slot into an error. The layout, the planner of a slot and the index mapping are pure
// and build on every system; what touches memory needs Linux.
//
// # What a pool does not do yet
//
// Protection keys are in the arithmetic ([Constraints.Keys]) but not applied, so a pool
// has one stripe, whatever the machine has. Generated code that faults in a slot needs a
// signal handler ahead of Go's: [Lease.Do] is for Go code.
package highlevel
