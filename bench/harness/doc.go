// Package harness is what programs are made of that compare Go with C: package main of
// this module, and modules that have another library to compare with.
package harness
