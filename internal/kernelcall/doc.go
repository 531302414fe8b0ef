// Package kernelcall lets a test decide how one memory operation ends.
//
// The executor of highlevel asks [Decide] before each operation. Nobody has
// installed a hook outside tests, and then the question costs one atomic load.
// A hook sees which operation comes and the how-manieth it is, nothing else: no
// pointer passes through it, so nothing escapes to the heap because of it.
package kernelcall
