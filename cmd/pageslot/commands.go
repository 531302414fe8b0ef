package main

// commands is the list that "pageslot help" prints.
var commands = []command{
	{"run", "the main job: slots of a real program's image, dirtied, reset, verified", runCommand},
	{"layout", "the plan of a slab, drawn to scale", layoutCommand},
	{"probe", "what the kernel, the processor and the limits allow", probeCommand},
	{"vm", "programs and tests under other kernels, on other processors", vmCommand},
}
