package cookieconsent

import (
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent/csp"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
)

// policyName is the name of the header with the policies that browsers enforce.
const policyName = "Content-Security-Policy"

// pieceSet says which pieces are put into a page, as bits by their place in piecesOf.
type pieceSet uint8

const (
	pieceBanner pieceSet = 1 << iota
	pieceForm
	pieceSweep
	pieceShim
	piecePlaceholder
	pieceState
	pieceChoice
	pieceCount = iota
)

// piecesOf returns what is put into pages, or what that loads.
func (h *Handler) piecesOf() [pieceCount]csp.Piece {
	return [...]csp.Piece{
		{Kind: csp.Style, Path: h.Prefix + h.banner.Stylesheet()},
		{Kind: csp.Form, Path: h.Prefix + "preferences"},
		{Kind: csp.Style, Path: h.Prefix + sweepName},
		{Kind: csp.Script, Path: h.Prefix + h.shim.Name(), Integrity: h.shim.Integrity()},
		{Kind: csp.Frame, Path: h.Prefix + placeholderName},
		{Kind: csp.Connect, Path: h.Prefix + stateName},
		{Kind: csp.Connect, Path: h.Prefix + "preferences"},
	}
}

// pieces returns which pieces a page gets.
func (x *exchange) pieces() pieceSet {
	var set pieceSet
	if x.view != viewFrame {
		set |= pieceBanner
		if !x.decision.Asked() {
			set |= pieceForm
		}
		if len(x.refused) > 0 {
			set |= pieceSweep
		}
	}
	if x.guardsScripts() {
		set |= pieceShim
		if x.view != viewFrame {
			set |= pieceState
		}
		if set&pieceForm != 0 {
			set |= pieceChoice
		}
	}
	if x.walled() {
		set |= piecePlaceholder
	}
	return set
}

// pageWith returns the page with those pieces.
func (x *exchange) pageWith(set pieceSet) *csp.Page {
	page := &csp.Page{Secure: x.secure, Host: x.address}
	for i, piece := range x.handler.pieces {
		if set&(1<<i) != 0 {
			page.Pieces = append(page.Pieces, piece)
		}
	}
	return page
}

// admit returns how the pieces are admitted by the application's policies, for a page
// or one that the browser has stored. It is without lines if the policies are to stay
// as they are.
func (x *exchange) admit(lines []string, stored bool) csp.Admission {
	key := admissionKey{policies: lines[0], host: x.address, secure: x.secure, pieces: x.pieces(), stored: stored}
	if stored && x.view != viewFrame {
		key.pieces |= pieceSweep // there may have been refused cookies
	}
	if len(lines) > 1 {
		key.policies = strings.Join(lines, "\n")
	}
	a, ok := x.handler.admissions.get(key)
	if !ok {
		page := x.pageWith(key.pieces)
		if stored {
			a = page.AdmitStored(lines)
		} else {
			a = page.Admit(lines)
		}
		if &a.Lines[0] == &lines[0] {
			a.Lines = nil
		}
		if a.Lasting {
			x.handler.admissions.put(key, a)
		}
	}
	// Where no script of ours runs, a sandbox keeps those of the page from it too. What
	// it may not fetch it does without.
	missed := slices.DeleteFunc(slices.Clone(a.Impossible), func(k csp.Kind) bool { return k == csp.Script || k == csp.Connect })
	if len(missed) > 0 {
		x.handler.notices.inadmissible(x.host, lines, missed)
	}
	return a
}

// inadmissible tells about policies by which the banner can't work as it should.
func (n *notices) inadmissible(host string, lines []string, pieces []csp.Kind) {
	policy := csp.WithoutNonces(lines)
	n.once(noticePolicy, host+" "+policy, func(l *zap.Logger) {
		forbidden := make([]string, len(pieces))
		for i, kind := range pieces {
			forbidden[i] = kind.String()
		}
		l.Warn("a Content-Security-Policy of the application keeps a part of the banner from working and can't be made to admit it; "+
			"visitors can still choose on the preferences page, to which the banner has a link",
			zap.String("host", host),
			zap.String("policy", policy),
			zap.Strings("forbidden", forbidden))
	})
}

// admitMeta makes a policy that a page declares itself admit what follows it.
func (b *pageWriter) admitMeta(t *rewrite.Tag) {
	equivalent, content := t.Find(httpEquivAttribute), t.Find(contentAttribute)
	if equivalent < 0 || content < 0 || !t.Whole() {
		return
	}
	if b.inserted = t.AppendValue(b.inserted[:0], equivalent); !strings.EqualFold(string(b.inserted), policyName) {
		return
	}
	policy := string(t.AppendValue(nil, content))
	if admitted := b.x.pageWith(b.x.pieces()).AdmitMeta(policy); admitted != policy {
		t.Set("content", admitted)
	}
}

var (
	contentAttribute   = rewrite.NameOf("content")
	httpEquivAttribute = rewrite.NameOf("http-equiv")
)

// insertsNothing reports whether it is known by now that nothing is put into the page.
func (b *pageWriter) insertsNothing() bool {
	return b.isJSON || b.unread != "" || b.rewriter.Skipped() == rewrite.Fragment
}

const (
	// maxAdmissions bounds the admissions that are kept.
	maxAdmissions = 512

	// maxAdmission is the length of the longest policies of which they are.
	maxAdmission = 4 << 10
)

// admissions keeps how pieces are admitted by policies that many responses have. What
// a nonce belongs to is never kept. The zero value is ready to use.
type admissions struct {
	mu   sync.RWMutex
	kept map[admissionKey]csp.Admission
}

type admissionKey struct {
	policies, host string
	pieces         pieceSet
	secure, stored bool
}

// get returns an admission of which the lines are the caller's.
func (m *admissions) get(key admissionKey) (csp.Admission, bool) {
	m.mu.RLock()
	a, ok := m.kept[key]
	m.mu.RUnlock()
	a.Lines = slices.Clone(a.Lines)
	return a, ok
}

func (m *admissions) put(key admissionKey, a csp.Admission) {
	if len(key.policies)+len(key.host) > maxAdmission {
		return
	}
	// They may be pieces of the headers of a request and a response, which would be
	// kept whole.
	key.policies, key.host = strings.Clone(key.policies), strings.Clone(key.host)
	lines := slices.Clone(a.Lines)
	for i := range lines {
		lines[i] = strings.Clone(lines[i])
	}
	a.Lines = lines
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil || len(m.kept) >= maxAdmissions {
		m.kept = make(map[admissionKey]csp.Admission)
	}
	m.kept[key] = a
}
