// Bench compares this library with C on this machine, in one run: the C program
// and the Go program take turns on one processor, and what is reported are ratios
// of what was measured side by side. README.md says what is compared and how.
//
//	go run . [-json] [-check] [-quick] [-run REGEXP] [-rounds N]
//
// It needs a C compiler (cc, gcc or clang, or what CC names) and kernel headers.
package main
