package main

// commands is the list that "pageslot help" prints.
var commands = []command{}
