// Package sys holds the kernel's numbers and layouts under the kernel's own
// names, and bare system calls over them.
package sys
