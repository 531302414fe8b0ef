package main

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	lineMark = regexp.MustCompile(`^# \d+ ("(?:[^"\\]|\\.)*")`)
	define   = regexp.MustCompile(`^#define ([A-Za-z_]\w*)(\(?)`)
	undef    = regexp.MustCompile(`^#undef ([A-Za-z_]\w*)`)
)

// parseMacros reads what clang -E -dD wrote: the text with its #define lines
// and, between them, marks that say which file comes now. It returns the
// header of every macro without parameters that is still defined at the end.
// Where there are several definitions the last one counts, as in C.
func parseMacros(preprocessed string, dirs []string) map[string]string {
	from := map[string]string{}
	header := ""
	for line := range strings.Lines(preprocessed) {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		if m := lineMark.FindStringSubmatch(line); m != nil {
			path, err := strconv.Unquote(m[1])
			if err != nil {
				path = ""
			}
			header = headerOf(path, dirs)
		} else if m := define.FindStringSubmatch(line); m != nil {
			if m[2] == "(" {
				delete(from, m[1])
			} else {
				from[m[1]] = header
			}
		} else if m := undef.FindStringSubmatch(line); m != nil {
			delete(from, m[1])
		}
	}
	return from
}

// wanted keeps the names that a rule has, and says which rules got any.
func wanted(from map[string]string) (names map[string]string, used map[int]bool) {
	names, used = map[string]string{}, map[int]bool{}
	for name, header := range from {
		if i := ruleFor(header, name); i >= 0 {
			names[name] = header
			used[i] = true
		}
	}
	return names, used
}
