package cookieconsent

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"
)

// The endpoints of the cookies policy without anything about the visitor, for pages of
// the operator's own: as a piece of HTML, and as data.
const (
	policyFragmentName = "policy.html"
	declarationName    = "declaration.json"
)

// servePolicyFragment answers with the cookies policy as a piece of HTML, to be put into
// a page by whatever puts pages together, or to be shown in a frame of this site.
func (h *Handler) servePolicyFragment(w http.ResponseWriter, r *http.Request, x *exchange) error {
	header := w.Header()
	header.Set(policyName, framedPolicy)
	header.Set("Cross-Origin-Embedder-Policy", "require-corp") // as the page around may demand
	header.Set("X-Robots-Tag", "noindex")                      // the page that it is for is to be found
	header.Set("Content-Type", "text/html; charset=utf-8")
	return h.servePolicy(w, r, h.banner.PolicyFragment(x.askedLanguage()))
}

// serveDeclaration answers with the cookies policy as data.
func (h *Handler) serveDeclaration(w http.ResponseWriter, r *http.Request, x *exchange) error {
	document, err := json.MarshalIndent(h.banner.Declaration(x.askedLanguage()), "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return h.servePolicy(w, r, append(document, '\n'))
}

// servePolicy answers with what is the same for all visitors who speak one language.
// Caches may keep it, but ask each time whether it still holds: pages must not promise
// what a configuration took back.
func (h *Handler) servePolicy(w http.ResponseWriter, r *http.Request, body []byte) error {
	header := w.Header()
	header.Set("Cache-Control", "no-cache")
	if h.Language == "" {
		addVary(header, "Accept-Language")
	}
	sum := sha256.Sum256(body)
	header.Set("Etag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}
