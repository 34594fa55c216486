// Package csp reads content security policies as browsers do (Content Security
// Policy Level 3, https://www.w3.org/TR/CSP3/) and makes those of a page admit what
// somebody else has put into it: single files, named by their whole address, and
// nothing besides. For everything else a policy means what it meant before.
//
// A policy that admits a piece already is left as it is, byte for byte. Otherwise
// the piece carries a nonce of the policy, if there is one; or else the policy gains
// the address of the piece or, where addresses do not count ('strict-dynamic'), its
// hash.
package csp

import (
	"slices"
	"strings"
)

// Kind is what a page does with a piece, which decides about the directive that
// governs it.
type Kind uint8

// The kinds.
const (
	Script  Kind = iota // a script element loads it
	Style               // a link element loads it as a style sheet
	Image               // an image element loads it
	Connect             // a script fetches it
	Form                // a form is sent to it
	Frame               // a frame shows it
	kinds
)

// String returns the word for a kind in logs.
func (k Kind) String() string {
	return [...]string{"script", "style sheet", "image", "fetch", "form", "frame"}[k]
}

// governors are the directives that govern a kind, the first one that a policy has
// before the others (section 6.8.3). Where there is none, everything is allowed.
var governors = [kinds][]string{
	Script:  {"script-src-elem", scriptSource, defaultSource},
	Style:   {"style-src-elem", styleSource, defaultSource},
	Image:   {"img-src", defaultSource},
	Connect: {"connect-src", defaultSource},
	Form:    {"form-action"},
	Frame:   {"frame-src", childSource, defaultSource},
}

// own are the directives that govern a kind in place of one that governs others too.
// For scripts and styles there are more exact ones, which fewer browsers know.
var own = [kinds]string{
	Script: scriptSource, Style: styleSource, Image: "img-src", Connect: "connect-src", Form: "form-action", Frame: "frame-src",
}

const (
	defaultSource = "default-src"
	childSource   = "child-src"
	scriptSource  = "script-src"
	styleSource   = "style-src"
)

// A Piece is something that is loaded from the page's own origin, or sent there.
type Piece struct {
	Kind Kind

	// Path is the path of its address, without a query: letters, digits and any of
	// "/._~-".
	Path string

	// Integrity is what the integrity attribute of a script says, such as
	// "sha384-oqVuAf…".
	Integrity string
}

// A Page is a page with pieces in it.
type Page struct {
	Secure bool   // whether it came by HTTPS
	Host   string // its host, with the port if it is not that of the scheme
	Pieces []Piece
}

// An Admission is how the pieces of a page are admitted.
type Admission struct {
	// Lines are the lines of the header; the very slice that was given if nothing
	// had to be changed.
	Lines []string

	// ScriptNonce and StyleNonce are what the nonce attribute of script and link
	// elements has to say; empty if none is needed.
	ScriptNonce, StyleNonce string

	// Integrity is whether scripts need their integrity attribute.
	Integrity bool

	// Impossible are the kinds of which some piece can't work, whatever the page
	// says: a sandbox forbids what they are for, no policy can name the host, or a
	// policy is not ASCII.
	Impossible []Kind

	// Lasting is whether other responses with the same lines are admitted in the
	// same way: no nonce is in the lines.
	Lasting bool
}

// Admit makes the policies in the lines of a Content-Security-Policy header, several
// in a line too, admit the pieces of a page.
func (p *Page) Admit(lines []string) Admission { return p.admit(lines, inResponse) }

// AdmitStored is [Page.Admit] for a page that the browser has kept, as a response
// with status 304 says: it carries the nonces of another response, and the integrity
// attribute if [Page.Admit] asked for it.
func (p *Page) AdmitStored(lines []string) Admission { return p.admit(lines, inConfirmation) }

// AdmitMeta makes a policy in a meta element admit the pieces that follow it, which
// are all but scripts. It returns the same string if nothing has to be changed.
func (p *Page) AdmitMeta(content string) string {
	behind := Page{Secure: p.Secure, Host: p.Host}
	for _, piece := range p.Pieces {
		if piece.Kind != Script {
			behind.Pieces = append(behind.Pieces, piece)
		}
	}
	return behind.admit([]string{content}, inMeta).Lines[0]
}

// WithoutNonces returns the lines of a header in one, without what differs between
// the responses of an application that makes nonces.
func WithoutNonces(lines []string) string {
	words := strings.Fields(strings.Join(lines, ", "))
	for i, word := range words {
		if _, ok := nonceOf(word); ok {
			words[i] = "'nonce'"
		}
	}
	return strings.Join(words, " ")
}

// place is where policies are.
type place uint8

const (
	inResponse place = iota
	inConfirmation
	inMeta
)

func (p *Page) admit(lines []string, in place) Admission {
	a := Admission{Lines: lines, Lasting: true}
	if len(lines) == 0 {
		return a
	}
	parsed := make([][]*policy, len(lines))
	var policies []*policy
	for i, line := range lines {
		for text := range strings.SplitSeq(line, ",") {
			parsed[i] = append(parsed[i], parse(text))
		}
		policies = append(policies, parsed[i]...)
	}
	for _, policy := range policies {
		a.Lasting = a.Lasting && !policy.hasNonce()
	}
	t := newAdmitting(p, in)
	for kind := range kinds {
		t.choose(kind, policies)
		if len(t.pieces) > 0 && (t.disabledBy(policies) || !t.admitBy(policies)) {
			a.Impossible = append(a.Impossible, kind)
		}
		switch kind {
		case Script:
			a.ScriptNonce, a.Integrity = t.nonce, t.integrity
		case Style:
			a.StyleNonce = t.nonce
		default: // nothing is to be carried
		}
	}
	a.Lines = written(lines, parsed)
	return a
}

// written returns the lines with what was changed in their policies.
func written(lines []string, parsed [][]*policy) []string {
	result := lines
	for i, policies := range parsed {
		if !slices.ContainsFunc(policies, func(p *policy) bool { return p.changed }) {
			continue
		}
		if &result[0] == &lines[0] {
			result = slices.Clone(lines)
		}
		texts := make([]string, len(policies))
		for j, policy := range policies {
			texts[j] = policy.String()
		}
		result[i] = strings.Join(texts, ",")
	}
	return result
}

// admitting admits the pieces of a page, one kind after the other.
type admitting struct {
	page   *Page
	origin location
	named  bool // whether policies can name the origin
	in     place

	kind      Kind
	pieces    []Piece
	nonce     string // what the elements of the kind carry
	integrity bool   // whether they carry their integrity
}

func newAdmitting(p *Page, in place) *admitting {
	t := &admitting{page: p, in: in}
	t.origin, t.named = originOf(p.Secure, p.Host)
	return t
}

// choose turns to the pieces of a kind, and chooses what they carry.
func (t *admitting) choose(kind Kind, policies []*policy) {
	t.kind, t.pieces, t.nonce, t.integrity = kind, nil, "", false
	for _, piece := range t.page.Pieces {
		if piece.Kind == kind {
			t.pieces = append(t.pieces, piece)
		}
	}
	if len(t.pieces) == 0 || kind != Script && kind != Style {
		return
	}
	var lists []sources
	for _, p := range policies {
		d := p.governing(kind)
		if d == nil {
			continue
		}
		// A 304 may replace the policies by others that do not have the nonce.
		t.integrity = t.integrity || kind == Script && d.sources.has(strictDynamic)
		if !t.allowed(d.sources) {
			lists = append(lists, d.sources)
		}
	}
	if t.in == inResponse {
		t.nonce = bestNonce(lists)
	}
}

// disabledBy reports whether the sandbox of a policy makes the pieces useless. In meta
// elements it has no meaning.
func (t *admitting) disabledBy(policies []*policy) bool {
	return t.in != inMeta && slices.ContainsFunc(policies, func(p *policy) bool { return p.disables(t.kind) })
}

// admitBy makes every policy admit the pieces. It reports false if one can't.
func (t *admitting) admitBy(policies []*policy) bool {
	ok := true
	for _, p := range policies {
		d := p.governing(t.kind)
		if d == nil || t.allowed(d.sources) || t.nonce != "" && d.sources.hasNonce(t.nonce) {
			continue
		}
		if p.ambiguous || !t.byHash(d.sources) && !t.named {
			ok = false
			continue
		}
		changed := p.own(t.kind, d)
		for _, piece := range t.pieces {
			switch {
			case t.allows(d.sources, piece):
			case t.byHash(d.sources):
				changed.add("'" + piece.Integrity + "'")
			default:
				changed.add(t.origin.authority() + piece.Path)
			}
		}
		p.changed = true
	}
	return ok
}

// byHash reports whether a list allows the pieces by their hashes, if by anything
// but a nonce. A hash would make 'unsafe-inline' of no account (section 6.7.3.2), but
// so does what makes one necessary.
func (t *admitting) byHash(list sources) bool { return t.kind == Script && list.has(strictDynamic) }

func (t *admitting) allowed(list sources) bool {
	for _, piece := range t.pieces {
		if !t.allows(list, piece) {
			return false
		}
	}
	return true
}

// allows reports whether a list allows a piece without a nonce (sections 6.7.1 and
// 6.7.2).
func (t *admitting) allows(list sources, piece Piece) bool {
	if t.byHash(list) {
		return slices.Contains(list, "'"+piece.Integrity+"'")
	}
	address := t.origin
	address.path = piece.Path
	return list.allowsURL(&t.origin, &address)
}

// maxNonces is how many nonces of a list are looked at. A list has one.
const maxNonces = 8

// bestNonce returns the nonce that spares most lists a change. Lists in which only a
// hash could take its place come first: not all browsers compare those of files.
func bestNonce(lists []sources) string {
	best, bestScore := "", 0
	for _, list := range lists {
		for _, nonce := range list.nonces(maxNonces) {
			score := 0
			for _, other := range lists {
				if !other.hasNonce(nonce) {
					continue
				}
				score++
				if other.has(strictDynamic) {
					score += len(lists)
				}
			}
			if score > bestScore {
				best, bestScore = nonce, score
			}
		}
	}
	return best
}
