//go:build !linux

package resolver

type notes struct{}
