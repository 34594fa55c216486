// Package wall keeps pages from contacting whom a visitor did not agree to.
//
// It works on two levels. A [Guard] takes out of the markup what loads by itself:
// attributes are renamed, so that neither parsers nor what browsers load ahead of
// parsing finds them, and nothing is lost. The content security policy of [Policy]
// stops what is left: what style sheets and scripts load.
package wall

import (
	"strings"
	"unsafe"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// maxBases is how many base elements of a page are followed. A page has one.
const maxBases = 8

// Guard edits the start tags of one page. It is not safe for concurrent use.
type Guard struct {
	// Placeholder appends the address of a page of the same site to be shown in the
	// place of a frame or object that is blocked, of which it is told where the value
	// of the attribute leads; nothing for none. It may be nil.
	Placeholder func(b []byte, to consent.Destination, value string) []byte

	decision *consent.Decision
	blocked  func(consent.Destination)
	pages    []*consent.Page // the page as it sees URLs without and with each of its bases
	lost     bool            // it has too many to tell where a URL leads
	value    []byte
	address  []byte              // of a placeholder
	to       consent.Destination // of what was blocked last
}

// NewGuard returns the guard of a page. For every attribute that it blocks, blocked
// is told where it leads.
func NewGuard(d *consent.Decision, page *consent.Page, blocked func(consent.Destination)) *Guard {
	g := new(Guard)
	g.Reset(d, page, blocked)
	return g
}

// Reset makes g as [NewGuard] would return it, but keeps its memory.
func (g *Guard) Reset(d *consent.Decision, page *consent.Page, blocked func(consent.Destination)) {
	*g = Guard{decision: d, blocked: blocked, pages: append(g.pages[:0], page), value: g.value[:0], address: g.address[:0]}
}

var (
	animateElement = rewrite.NameOf("animate")
	baseElement    = rewrite.NameOf("base")
	linkElement    = rewrite.NameOf("link")
	metaElement    = rewrite.NameOf("meta")
	scriptElement  = rewrite.NameOf("script")
	setElement     = rewrite.NameOf("set")

	attributeNameAttribute = rewrite.NameOf("attributeName")
	hrefAttribute          = rewrite.NameOf("href")
	httpEquivAttribute     = rewrite.NameOf("http-equiv")
	relAttribute           = rewrite.NameOf("rel")
	srcAttribute           = rewrite.NameOf("src")
	typeAttribute          = rewrite.NameOf("type")
)

// Edit blocks what a start tag of one of [Elements] must not load.
func (g *Guard) Edit(t *rewrite.Tag) {
	inert := false
	switch t.Name() {
	case baseElement:
		g.follow(t)
		return
	case linkElement:
		if t.Whole() && !g.loads(t) {
			return
		}
	case metaElement:
		if t.Whole() && !g.says(t, httpEquivAttribute, "refresh") {
			return
		}
	case animateElement, setElement:
		if t.Whole() && !g.says(t, attributeNameAttribute, "href") && !g.says(t, attributeNameAttribute, "xlink:href") {
			return
		}
	case scriptElement:
		// Of a tag that is too long to be shown whole, what comes later could not
		// be blocked without bringing the content of the element to life.
		inert = !t.Whole() || g.says(t, typeAttribute, "speculationrules")
		if !inert && g.decision.JudgesScripts() && g.runsContent(t) {
			if t.AwaitContent() {
				return
			}
			inert = t.Content() == nil || !g.allowsScript(t.Content())
		}
	}
	address := g.address[:0] // of the placeholder
	attributes := loads[t.Name()]
	for i := range t.Len() {
		for _, a := range attributes {
			if a.name == t.Attribute(i) && !g.allows(t, i, a.reading) {
				if g.Placeholder != nil && showsPage(t) && !t.Ahead() {
					address = g.Placeholder(address[:0], g.to, g.addressOf(t, i, a.reading))
				}
				t.Rename(a.name, a.renamed)
				inert = t.Name() == scriptElement
				break
			}
		}
	}
	if inert && !t.Ahead() { // its content does not run anyway
		makeInert(t)
	}
	if len(address) > 0 {
		showInstead(t, asString(address))
	}
	g.address = address
}

// Based reports whether the page has a base element, by which addresses that begin with
// a path may lead elsewhere.
func (g *Guard) Based() bool { return len(g.pages) > 1 || g.lost }

// makeInert keeps a script from running its content, which does not run either
// while it has a source.
func makeInert(t *rewrite.Tag) {
	t.Rename(typeAttribute, renamedType)
	t.Set("type", "text/plain")
}

// runsContent reports whether browsers run the content of a script as JavaScript.
func (g *Guard) runsContent(t *rewrite.Tag) bool {
	if t.Find(srcAttribute) >= 0 {
		return false
	}
	i := t.Find(typeAttribute)
	if i < 0 {
		return true
	}
	kind := strings.ToLower(strings.TrimSpace(g.text(t, i)))
	return kind == "" || kind == "module" || strings.HasSuffix(kind, "script") || strings.Contains(kind, "script1.")
}

func (g *Guard) allowsScript(content []byte) bool {
	state, rule := g.decision.Script(content)
	if state == consent.Granted {
		return true
	}
	g.block(consent.Destination{Party: consent.ServiceParty, Rule: rule})
	return false
}

// follow notes where a base element makes relative URLs lead.
func (g *Guard) follow(t *rewrite.Tag) {
	i := t.Find(hrefAttribute)
	if i < 0 {
		return
	}
	if len(g.pages) > maxBases || t.Partial(i) {
		g.lost = true
		return
	}
	g.pages = append(g.pages, g.pages[0].WithBase(string(t.AppendValue(nil, i))))
}

// loads reports whether a link may load something: all do but those that are known
// to only say something.
func (g *Guard) loads(t *rewrite.Tag) bool {
	for i := range t.Len() {
		if t.Attribute(i) != relAttribute {
			continue
		}
		if t.Partial(i) {
			return true
		}
		for word := range strings.FieldsSeq(g.text(t, i)) {
			if !isHarmless(word) {
				return true
			}
		}
	}
	return false
}

// says reports whether one of the attributes of a name has a value, in any case, or
// may have.
func (g *Guard) says(t *rewrite.Tag, name rewrite.Name, value string) bool {
	for i := range t.Len() {
		if t.Attribute(i) == name && (t.Partial(i) || strings.EqualFold(strings.TrimSpace(g.text(t, i)), value)) {
			return true
		}
	}
	return false
}

// text returns the value of an attribute with its references decoded. It is valid
// until the next call.
func (g *Guard) text(t *rewrite.Tag, i int) string {
	g.value = t.AppendValue(g.value[:0], i)
	return asString(g.value)
}

// asString returns b as a string that is valid until b changes.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// allows reports whether all that an attribute makes a browser contact may be.
func (g *Guard) allows(t *rewrite.Tag, i int, r reading) bool {
	value := g.text(t, i)
	if t.Partial(i) && (r != oneURL || !isInline(value)) {
		g.block(consent.Destination{})
		return false
	}
	switch r {
	case srcset:
		for url := range weburl.Srcset(value) {
			if !g.allowsURL(url) {
				return false
			}
		}
	case spaced:
		for url := range weburl.Spaced(value) {
			if !g.allowsURL(url) {
				return false
			}
		}
	case listed:
		for url := range strings.SplitSeq(value, ";") {
			if !g.allowsURL(url) {
				return false
			}
		}
	case refresh:
		for url := range weburl.Refresh(value) {
			if !g.allowsURL(url) {
				return false
			}
		}
	case document:
		return g.allowsDocument(value)
	case framed:
		return g.allowsFrame(value)
	case oneURL:
		return g.allowsURL(value)
	}
	return true
}

// isInline reports whether the beginning of a URL says that it holds what it stands for.
func isInline(url string) bool {
	url = strings.TrimLeft(url, " \t\n\f\r")
	return len(url) >= 5 && strings.EqualFold(url[:5], "data:")
}

func (g *Guard) allowsURL(url string) bool {
	for _, page := range g.pages {
		if state, to := g.decision.URL(page, url); g.lost && to.Party != consent.NoParty || state != consent.Granted {
			g.block(to)
			return false
		}
	}
	return true
}

// block takes note of something that is blocked.
func (g *Guard) block(to consent.Destination) {
	g.to = to
	g.blocked(to)
}
