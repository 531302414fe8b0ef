// Package bitnames prints sets of bits: the names that are known, and the rest in
// hexadecimal, so that what a newer kernel says is not lost.
package bitnames
