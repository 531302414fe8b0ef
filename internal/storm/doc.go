// Package storm is everything at once that has ever made a Go program hang which serves
// its own page faults: goroutines that touch missing pages in functions that the
// runtime can't interrupt, while it collects garbage, profiles, traces, takes signals and
// starts programs.
//
// [Run] is the storm. The tests of package resolver run it in their own binary, and those
// of its program in all the ways that Go programs are built. With
// [Config].Goroutine the faults are served by a goroutine, as they must not be: then
// it hangs, which shows that it can.
package storm
