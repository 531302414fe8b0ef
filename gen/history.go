package main

import (
	"cmp"
	"slices"
	"strings"
)

// row is one answer to "since when": some ports, and what is known of them.
type row struct {
	since string // 6.7, or 6.2..6.12, or ≤ 5.10
	upTo  release
	ports []string
	// open says that nothing older is known: since begins with ≤.
	open bool
}

// rows answers for all ports that have a symbol, the earliest first. A port
// whose own headers begin late goes with the most of the others: its headers say
// no more than that it had the symbol by then.
func (h *history) rows(symbol string) []row {
	var rows []row
	var late []string
	for _, p := range h.since.portsOf(symbol) {
		b := h.since.bracket(symbol, p)
		r := row{since: b.String(), upTo: b.upTo, open: b.after == release{}}
		if exact, ok := h.exact[symbol][p]; ok {
			r = row{since: exact.String(), upTo: exact}
		}
		if r.open && r.upTo != h.since.Headers[0].release {
			late = append(late, p)
			continue
		}
		rows = addPort(rows, r, p)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Or(a.upTo.compare(b.upTo), cmp.Compare(a.since, b.since)) })
	for _, p := range late {
		b := h.since.bracket(symbol, p)
		most := -1
		for i, r := range rows {
			if r.upTo.compare(b.upTo) <= 0 && (most < 0 || len(r.ports) > len(rows[most].ports)) {
				most = i
			}
		}
		if most >= 0 {
			rows[most].ports = append(rows[most].ports, p)
			continue
		}
		rows = addPort(rows, row{since: b.String(), upTo: b.upTo, open: true}, p)
	}
	for i := range rows {
		sortPorts(rows[i].ports)
	}
	return rows
}

func addPort(rows []row, r row, port string) []row {
	i := slices.IndexFunc(rows, func(o row) bool { return o.since == r.since })
	if i < 0 {
		i, rows = len(rows), append(rows, r)
	}
	rows[i].ports = append(rows[i].ports, port)
	return rows
}

func sortPorts(list []string) {
	order := names(ports)
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Compare(slices.Index(order, a), slices.Index(order, b))
	})
}

// comment is what stands behind a constant in package sys: nothing for those
// that the oldest headers have. port is empty for a file of all ports.
func (h *history) comment(symbol, port string) string {
	if h == nil {
		return ""
	}
	var parts []string
	rows := h.rows(symbol)
	for _, r := range rows {
		if port != "" && !slices.Contains(r.ports, port) {
			continue
		}
		if oldest := h.since.Headers[0].release; r.upTo.compare(oldest) <= 0 {
			continue
		}
		text := strings.ReplaceAll(r.since, "≤ ", "up to ")
		if port == "" && len(rows) > 1 {
			text += " on " + strings.Join(r.ports, ", ")
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return " // Linux " + strings.Join(parts, "; ")
}
