package cookieconsent

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
)

// deleteName is the endpoint that deletes a cookie because the visitor wants it gone.
const deleteName = "delete"

// serveDelete deletes a cookie that the browser sends here, of whatever category it is,
// and leads back to the preferences page. Nothing but the name tells what to delete, and
// only a name that came with the request does: it is never one that somebody made up.
//
// What one response has no room for goes with the next: the browser is told to send the
// form again (307) from where it got to, and is led back as soon as it sends the cookie
// no longer.
func (h *Handler) serveDelete(w http.ResponseWriter, r *http.Request, x *exchange) error {
	form, err := readOwnForm(w, r, x)
	if err != nil {
		return err
	}
	position, ok := parseDeletePosition(x.url.Query())
	if len(form["name"]) != 1 || !ok {
		return &endpointError{status: http.StatusBadRequest, problem: banner.BadForm}
	}
	known := learned
	if position.hop > 0 {
		known = nil // it changes from one request to the next, and went with the first
	}
	// The page lists what is sent to it, so that no cookie has a longer path.
	d := cookie.NewDeletions(x.host, h.Prefix, x.secure, sentNames(r, form.Get("name")), known)
	lines, next := d.Lines(position.offset, deletionBudget)
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header["Set-Cookie"] = append(slices.Clip(header["Set-Cookie"]), lines...)
	x.countDeletions(lines)

	if next < d.Len() && position.hop < maxSweepHops {
		if position.hop == 0 {
			next = 0 // of the list without what was learned
		}
		header.Set("Location", h.Prefix+deleteName+"?"+deletePosition{next, position.hop + 1}.query())
		w.WriteHeader(http.StatusTemporaryRedirect)
		return nil
	}
	back := url.Values{"lang": {h.banner.Language(form.Get("language"), x.language)}}
	if returnTo := localPath(form.Get("return_to")); returnTo != "" {
		back.Set("return_to", returnTo)
	}
	header.Set("Location", h.Prefix+"?"+back.Encode()+"#sent")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// sentNames returns the names of cookies that came with a request and look like that one
// on the page.
func sentNames(r *http.Request, shown string) []string {
	var names []string
	for name := range cookie.Pairs(r.Header["Cookie"]) {
		if banner.ShownName(name) == shown && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// deletePosition is how far the deletion of a cookie has come.
type deletePosition struct {
	offset int // of the next variant
	hop    int // redirects so far
}

func (p deletePosition) query() string { return fmt.Sprintf("from=%d&hop=%d", p.offset, p.hop) }

func parseDeletePosition(query url.Values) (p deletePosition, ok bool) {
	if !query.Has("hop") {
		return p, true
	}
	offset, err := strconv.ParseUint(query.Get("from"), 10, 31)
	if err != nil {
		return p, false
	}
	hop, err := strconv.ParseUint(query.Get("hop"), 10, 31)
	return deletePosition{int(offset), int(hop)}, err == nil
}
