// The pageslot command runs the library on this machine and tells what the
// machine offers.
//
//	pageslot run     the main job: slots of a real program's image, dirtied, reset, verified
//	pageslot layout  the plan of a slab, drawn to scale
//	pageslot probe   what the kernel, the processor and the limits allow
//	pageslot vm      programs and tests under other kernels, on other processors
//
// "pageslot COMMAND -h" lists the flags of a command. The exit status is 0 if
// all went well, 1 if the job failed or found something wrong, and 2 if the
// command line makes no sense. Errors are one line on standard error.
package main
