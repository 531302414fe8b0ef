package main

import "strings"

// goName turns a name of a C structure or field into an exported Go name:
// uffd_msg becomes UffdMsg.
func goName(c string) string {
	var s strings.Builder
	for part := range strings.SplitSeq(c, "_") {
		if part != "" {
			s.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return s.String()
}
