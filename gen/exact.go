package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// exactList is the file testdata/since-exact.json, kept by hand: releases that
// are known more exactly than from the headers that were looked at, and how
// they are known. What contradicts the headers is refused.
type exactList struct {
	Evidence map[string]string `json:"evidence"`
	Versions []exactVersion    `json:"versions"`
}

// exactVersion says that symbols came with a release.
type exactVersion struct {
	Linux    string   `json:"linux"`
	Symbols  []string `json:"symbols"`
	Ports    string   `json:"ports,omitempty"` // as for -ports; empty for all that have the symbols
	Evidence string   `json:"evidence"`        // a key of the list's Evidence
	Note     string   `json:"note,omitempty"`  // what that leaves open
}

// exactPath is where the exact releases stand: beside since.json.
func exactPath(since string) string { return strings.TrimSuffix(since, ".json") + "-exact.json" }

func readExact(path string) (*exactList, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list exactList
	if err := strictJSON(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &list, nil
}

// history is what is known of when symbols came: brackets between headers, and
// exact releases within them.
type history struct {
	since *Since
	exact map[string]map[string]release // symbol, port
}

// newHistory puts both together, or says all that does not fit.
func newHistory(since *Since, list *exactList) (*history, error) {
	h := &history{since, map[string]map[string]release{}}
	var errs []error
	used := map[string]bool{}
	for _, v := range list.Versions {
		used[v.Evidence] = true
		if list.Evidence[v.Evidence] == "" {
			errs = append(errs, fmt.Errorf("exact: Linux %s: there is no evidence named %q", v.Linux, v.Evidence))
		}
		r, err := parseRelease(v.Linux)
		if err != nil {
			errs = append(errs, fmt.Errorf("exact: %w", err))
			continue
		}
		if len(v.Symbols) == 0 {
			errs = append(errs, fmt.Errorf("exact: Linux %v: no symbols", r))
		}
		for _, symbol := range v.Symbols {
			errs = append(errs, h.add(symbol, v.Ports, r))
		}
	}
	for name := range list.Evidence {
		if !used[name] {
			errs = append(errs, fmt.Errorf("exact: nothing has the evidence %q", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return h, nil
}

// add says that a symbol came with release r, on some ports or on all.
func (h *history) add(symbol, list string, r release) error {
	have := h.since.portsOf(symbol)
	if len(have) == 0 {
		return fmt.Errorf("exact: %s: no headers have it", symbol)
	}
	chosen := have
	if list != "" {
		ports, err := choosePorts(list)
		if err != nil {
			return fmt.Errorf("exact: %s: %w", symbol, err)
		}
		chosen = names(ports)
	}
	if h.exact[symbol] == nil {
		h.exact[symbol] = map[string]release{}
	}
	for _, p := range chosen {
		if !slices.Contains(have, p) {
			return fmt.Errorf("exact: %s: %s does not have it", symbol, p)
		}
		if old, ok := h.exact[symbol][p]; ok {
			return fmt.Errorf("exact: %s: %s has it since Linux %v, and again since %v", symbol, p, old, r)
		}
		if b := h.since.bracket(symbol, p); !b.holds(r) {
			return fmt.Errorf("exact: %s: Linux %v is not within %v, which the headers of %s say", symbol, r, b, p)
		}
		h.exact[symbol][p] = r
	}
	return nil
}
