// Guest is the init of the machines that package vm starts. It is not built with
// the rest of the command: package vm carries its source and compiles it for the
// machine's port when it is first needed. So it uses the standard library alone,
// and nothing of it that is new.
//
// It is process 1 of a machine that has no other files than it: it mounts what
// programs expect, runs the jobs of its list one after the other, each in fresh
// folders and with every process of the last one killed, tells all in frames on
// the console, and powers the machine off.
//
// What it cannot do, and a job then lacks, is not a failed job but a failed
// machine: it says so in a frame of its own and stops.
package main
