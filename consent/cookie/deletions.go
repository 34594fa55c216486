package cookie

import (
	"slices"
	"strings"
)

// Deletions lists the Set-Cookie lines that delete cookies of which only the
// names are known: for each name the variants that were learned, then every other
// one that is possible. The most likely variant of all names comes first.
type Deletions struct {
	names    []string
	variants variants
	learned  []learnedDeletion
	planned  [][]Variant // those of learned, by name
}

// learnedDeletion is a name, by its index, and a variant as which it was set.
type learnedDeletion struct {
	name    int
	variant Variant
}

const (
	// maxLearnedDeletions bounds what is learned in one plan, somewhat above
	// what a response has room for. What is beyond is deleted as what is possible.
	maxLearnedDeletions = 128

	// maxLearnedOfName bounds what is learned of one name in one plan.
	maxLearnedOfName = 16
)

// NewDeletions plans the deletion of the cookies of those names that the browser
// sent with a request for the host and path; see [Variants] for both. Names are
// kept in their order, without repetitions and those that no Set-Cookie line can
// name; the empty name is that of a nameless cookie.
//
// What was learned comes first and is not repeated; nil stands for nothing. Without
// it the same arguments give the same list, so that one response can go on where
// another ended; what is learned changes in between.
func NewDeletions(host, path string, secure bool, names []string, learned *Learned) *Deletions {
	d := &Deletions{variants: newVariants(host, path, secure)}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		needsSecure, _, _ := prefix(name)
		if settable(name) && (secure || !needsSecure) && !seen[name] {
			seen[name] = true
			d.names = append(d.names, name)
		}
	}
	if learned != nil {
		d.recall(learned, host)
	}
	return d
}

// recall plans what was learned.
func (d *Deletions) recall(learned *Learned, host string) {
	scopes := learned.scopes(host, d.variants.domains)
	recalled := make([][]Variant, len(d.names))
	d.planned = make([][]Variant, len(d.names))
	longest := 0
	for i, name := range d.names {
		recalled[i] = learned.variants(name, scopes, &d.variants)
		longest = max(longest, len(recalled[i]))
	}
	for rank := range longest {
		for i := range recalled {
			if len(d.learned) == maxLearnedDeletions {
				return
			}
			if rank < len(recalled[i]) {
				d.learned = append(d.learned, learnedDeletion{i, recalled[i][rank]})
				d.planned[i] = recalled[i][:rank+1]
			}
		}
	}
}

// settable reports whether a Set-Cookie line can name the cookie in a browser.
func settable(name string) bool {
	return len(name) <= maxNameValue && trim(name) == name && !strings.ContainsAny(name, ";=") && !strings.ContainsFunc(name, isControl)
}

// maxNameValue is the length of name and value together beyond which browsers
// ignore a Set-Cookie line (RFC 6265bis, section 5.6), in bytes.
const maxNameValue = 4096

// Len returns the number of pairs of a name and a variant. Pairs of which there
// is nothing to delete count too.
func (d *Deletions) Len() int { return len(d.learned) + len(d.names)*d.variants.len() }

// Lines returns lines for the pairs from offset on, as many as fit into the
// budget of bytes but at least one if one is left, and the offset of the first
// pair that is left; next is [Deletions.Len] after the last. An offset beyond the
// last pair starts again from the first.
func (d *Deletions) Lines(offset, budget int) (lines []string, next int) {
	pairs := d.Len()
	if pairs == 0 {
		return nil, 0
	}
	var line []byte
	for next = max(offset, 0) % pairs; next < pairs; next++ {
		name, v, ok := d.pair(next)
		if !ok {
			continue
		}
		line = AppendDeletion(line[:0], name, v)
		if budget -= len(line); budget < 0 && lines != nil {
			return lines, next
		}
		lines = append(lines, string(line))
	}
	return lines, next
}

// pair returns a name and a variant, and whether there is something to delete.
func (d *Deletions) pair(offset int) (name string, v Variant, ok bool) {
	if offset < len(d.learned) {
		l := &d.learned[offset]
		return d.names[l.name], l.variant, true
	}
	offset -= len(d.learned)
	i := offset % len(d.names)
	name, v = d.names[i], d.variants.at(offset/len(d.names))
	return name, v, possible(name, v) && (d.planned == nil || !slices.Contains(d.planned[i], v))
}

// possible reports whether there is a cookie of that name as that variant.
func possible(name string, v Variant) bool {
	_, host, _ := prefix(name)
	return !host || v.Domain == "" && v.Path == "/"
}
