package main

// commands is the list that "pageslot help" prints.
var commands = []command{
	{"layout", "the plan of a slab, drawn to scale", layoutCommand},
}
