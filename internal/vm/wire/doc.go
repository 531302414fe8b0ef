// Package wire is what package vm and the init of its machines say to each other.
//
// The host gives a List, as a file in the initrd. The machine answers in frames
// on its console: one line each, numbered from 1, with a checksum and a word that
// only this machine was given, so that neither the kernel's messages nor a
// program that prints on the console can be mistaken for one.
//
// The package uses the standard library alone, and nothing of it that is new:
// the init is compiled by whatever go command the host has.
package wire
