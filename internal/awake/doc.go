// Package awake keeps the monitor of the Go runtime from sleeping for long while a
// goroutine waits, in a system call, for another goroutine.
//
// In Go 1.26 a thread that enters a system call first looks whether the world is to be
// stopped, and says only then that it is in a system call. If somebody begins to stop
// the world in between, he sees a goroutine that runs, and waits until it stops.
// The monitor would take the processor away from it, as from all that sit in system
// calls; but while the world is being stopped it sleeps, until the next timer or for a
// minute. If what the call waits for comes from a goroutine, all stand still so long.
// It takes a thread that loses its core between two instructions: with busy cores and a
// collector that never rests, one of 40,000 calls was seen to.
//
// A timer that is always pending makes it a tenth of a second. docs/hazards.md says who
// needs it.
package awake
