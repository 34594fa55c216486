package cookie

import "strings"

// Deletions lists the Set-Cookie lines that delete cookies of which only the
// names are known: each variant of each name, the most likely variant of all
// names first. The same arguments give the same list, so that one response can
// go on where another ended.
type Deletions struct {
	names    []string
	variants variants
}

// NewDeletions plans the deletion of the cookies of those names that the browser
// sent with a request for the host and path; see [Variants] for both. Names are
// kept in their order, without repetitions and those that no Set-Cookie line can
// name; the empty name is that of a nameless cookie.
func NewDeletions(host, path string, secure bool, names []string) *Deletions {
	d := &Deletions{variants: newVariants(host, path, secure)}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		needsSecure, _, _ := prefix(name)
		if settable(name) && (secure || !needsSecure) && !seen[name] {
			seen[name] = true
			d.names = append(d.names, name)
		}
	}
	return d
}

// settable reports whether a Set-Cookie line can name the cookie in a browser.
func settable(name string) bool {
	return len(name) <= maxNameValue && trim(name) == name && !strings.ContainsAny(name, ";=") && !strings.ContainsFunc(name, isControl)
}

// maxNameValue is the length of name and value together beyond which browsers
// ignore a Set-Cookie line (RFC 6265bis, section 5.6), in bytes.
const maxNameValue = 4096

// Len returns the number of pairs of a name and a variant.
func (d *Deletions) Len() int { return len(d.names) * d.variants.len() }

// Lines returns lines for the pairs from offset on, as many as fit into the
// budget of bytes but at least one, and the offset of the first pair that is
// left; next is [Deletions.Len] after the last. An offset beyond the last pair
// starts again from the first.
func (d *Deletions) Lines(offset, budget int) (lines []string, next int) {
	pairs := d.Len()
	if pairs == 0 {
		return nil, 0
	}
	var line []byte
	for next = max(offset, 0) % pairs; next < pairs; next++ {
		name, v := d.names[next%len(d.names)], d.variants.at(next/len(d.names))
		if _, host, _ := prefix(name); host && (v.Domain != "" || v.Path != "/") {
			continue // there is no such cookie
		}
		line = AppendDeletion(line[:0], name, v)
		if budget -= len(line); budget < 0 && lines != nil {
			return lines, next
		}
		lines = append(lines, string(line))
	}
	return lines, next
}
