package main

// oneStripeBecause says why the pool has one stripe.
func oneStripeBecause() string { return "protection keys are not applied to slots yet" }
