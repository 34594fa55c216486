package cookieconsent

import "net/http"

// gpcPath is the address of the resource by which a site says that it honours the signal
// (Global Privacy Control, section 5).
const gpcPath = "/.well-known/gpc.json"

// servesGPC reports whether a request is for that resource and the operator lets the
// handler answer it. One that only observes does not honour the signal.
func (h *Handler) servesGPC(r *http.Request, x *exchange) bool {
	return h.GPC != "" && h.Mode == modeEnforce && x.url.Path == gpcPath && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// serveGPC answers with that resource.
func (h *Handler) serveGPC(w http.ResponseWriter, r *http.Request, x *exchange) error {
	x.filterSetCookies(w.Header(), r.Method) // of handlers outside of this one
	w.Header().Set("Cache-Control", "max-age=86400")
	return writeJSON(w, struct {
		GPC        bool   `json:"gpc"`
		LastUpdate string `json:"lastUpdate"`
	}{true, h.GPC})
}
