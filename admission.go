package cookieconsent

import (
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/csp"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
)

// policyName is the name of the header with the policies that browsers enforce.
const policyName = "Content-Security-Policy"

// piecesOf returns what is put into pages: the first only where refused cookies are
// left over, and the last only while the visitor has not chosen.
func piecesOf(prefix string, b *banner.Renderer) []csp.Piece {
	return []csp.Piece{
		{Kind: csp.Style, Path: prefix + sweepName},
		{Kind: csp.Style, Path: prefix + b.Stylesheet()},
		{Kind: csp.Form, Path: prefix + "preferences"},
	}
}

// ownPieces returns the page with the pieces that it gets.
func (x *exchange) ownPieces() *csp.Page {
	pieces := x.handler.pieces
	if x.decision.Asked() {
		pieces = pieces[:len(pieces)-1]
	}
	if len(x.refused) == 0 {
		pieces = pieces[1:]
	}
	return &csp.Page{Secure: x.secure, Host: x.address, Pieces: pieces}
}

// admit returns how the pieces are admitted by the application's policies, for a page
// or one that the browser has stored. It is without lines if the policies are to stay
// as they are.
func (x *exchange) admit(lines []string, stored bool) csp.Admission {
	page := x.ownPieces()
	key := admissionKey{
		policies: lines[0], host: page.Host, secure: page.Secure,
		asked: x.decision.Asked(), refusing: len(x.refused) > 0, stored: stored,
	}
	if len(lines) > 1 {
		key.policies = strings.Join(lines, "\n")
	}
	a, ok := x.handler.admissions.get(key)
	if !ok {
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
	if len(a.Impossible) > 0 {
		x.handler.notices.inadmissible(x.host, lines, a.Impossible)
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
	if admitted := b.x.ownPieces().AdmitMeta(policy); admitted != policy {
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
	policies, host                  string
	secure, asked, refusing, stored bool
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
