package cookieconsent

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
	"github.com/cookieconsent/caddy-cookie-consent/consent/shim"
)

// maxListedCookies bounds the cookies that the preferences page lists, somewhat
// above what browsers keep for one site.
const maxListedCookies = 256

// maxFormSize bounds the body of a choice, in bytes.
const maxFormSize = 8 << 10

// pagePolicy is the Content-Security-Policy of the handler's own pages. Images and fonts
// are those of a theme. Their buttons must not be clicked through somebody else's frame.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// savedPolicy is that of the page after a choice, on which a script tells other pages
// of it, and service workers.
const savedPolicy = pagePolicy + "; script-src 'self'; connect-src 'self'"

// endpointError is a request to an own endpoint that is refused.
type endpointError struct {
	status     int
	problem    banner.Problem
	allow      string     // the methods allowed, for 405
	retryAfter string     // seconds, for 429 and 503
	retry      url.Values // the form to send once more
}

func (e *endpointError) Error() string { return fmt.Sprintf("%d: %s", e.status, e.problem) }

// serveEndpoint answers a request below the prefix. Nothing there ever reaches the
// application, and paths are compared exactly: what is no endpoint is not found.
func (h *Handler) serveEndpoint(w http.ResponseWriter, r *http.Request, x *exchange) error {
	header := w.Header()
	if h.Mode == modeEnforce {
		x.filterSetCookies(header, r.Method) // of handlers outside of this one
	}
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set(policyName, pagePolicy)

	var err error
	switch name := strings.TrimPrefix(x.url.Path, h.Prefix); name {
	case "":
		err = onlyGet(r, func() error {
			return h.servePage(w, r, x, x.askedLanguage(), banner.Page{ReturnTo: localPath(x.url.Query().Get("return_to"))})
		})
	case "preferences":
		err = h.servePreferences(w, r, x)
	case stateName:
		err = onlyGet(r, func() error { return h.serveState(w, x) })
	case deleteName:
		err = h.serveDelete(w, r, x)
	case policyFragmentName:
		err = onlyGet(r, func() error { return h.servePolicyFragment(w, r, x) })
	case declarationName:
		err = onlyGet(r, func() error { return h.serveDeclaration(w, r, x) })
	case placeholderName:
		err = onlyGet(r, func() error { return h.servePlaceholder(w, r, x) })
	case sweepName:
		err = onlyGet(r, func() error { return h.serveSweep(w, x) })
	case h.shim.Name():
		err = onlyGet(r, func() error { return serveFile(w, h.shim.Body(), shim.ContentType, immutable) })
	default:
		if name == reportName && h.Mode == modeObserve {
			err = h.serveReport(w, r, x)
			break
		}
		if body, ok := h.shim.Outdated(name); ok {
			err = onlyGet(r, func() error { return serveFile(w, body, shim.ContentType, "no-store") })
			break
		}
		body, contentType, ok := h.banner.Asset(name)
		if !ok {
			err = &endpointError{status: http.StatusNotFound, problem: banner.NotFound}
			break
		}
		err = onlyGet(r, func() error { return serveFile(w, body, contentType, immutable) })
	}

	if refused, ok := errors.AsType[*endpointError](err); ok {
		if r.ProtoMajor == 1 && (r.ContentLength < 0 || r.ContentLength > maxFormSize) {
			// Else net/http would wait for the rest of the body before it answers.
			header.Set("Connection", "close")
		}
		return h.serveError(w, x, refused)
	}
	return err
}

// immutable is the Cache-Control of files whose names change with their content.
const immutable = "public, max-age=31536000, immutable"

func serveFile(w http.ResponseWriter, body []byte, contentType, cacheControl string) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", cacheControl)
	_, err := w.Write(body)
	return err
}

// onlyGet refuses every method that asks for more than reading.
func onlyGet(r *http.Request, serve func() error) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &endpointError{status: http.StatusMethodNotAllowed, problem: banner.WrongMethod, allow: "GET, HEAD"}
	}
	return serve()
}

func (h *Handler) serveError(w http.ResponseWriter, x *exchange, refused *endpointError) error {
	language := h.banner.Language("", x.language)
	page := h.banner.ErrorPage(language, refused.status, refused.problem)
	if refused.retry != nil {
		page = h.banner.RetryPage(language, refused.status, refused.problem, refused.retry)
	}
	if refused.retryAfter != "" {
		w.Header().Set("Retry-After", refused.retryAfter)
	}
	if refused.allow != "" {
		w.Header().Set("Allow", refused.allow)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(refused.status)
	_, err := w.Write(page)
	return err
}

// askedLanguage returns the language that an own address is answered in: that of its
// "lang", which whoever wrote the link knows best, else the visitor's.
func (x *exchange) askedLanguage() string {
	return x.handler.banner.Language(x.url.Query().Get("lang"), x.language)
}

// servePage answers with the preferences page, which is also the cookie policy.
func (h *Handler) servePage(w http.ResponseWriter, r *http.Request, x *exchange, language string, view banner.Page) error {
	view.Decision, view.GPC = x.decision, x.gpc
	for name := range cookie.Pairs(r.Header["Cookie"]) {
		if len(view.RequestCookies) == maxListedCookies {
			break
		}
		view.RequestCookies = append(view.RequestCookies, name)
	}
	page, err := h.banner.Page(language, view)
	if err != nil {
		return err
	}
	h.personal(w.Header(), x)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	h.expireOnEndpoint(w.Header(), r, x)
	_, err = w.Write(page)
	return err
}

// personal marks an answer that depends on the visitor.
func (h *Handler) personal(header http.Header, x *exchange) {
	header.Set("Cache-Control", "private, no-cache")
	addVary(header, "Cookie, Sec-GPC")
	if h.Language == "" {
		addVary(header, "Accept-Language")
	}
}

// expireOnEndpoint deletes refused cookies that the browser sends to the endpoint.
// They are not filtered from the request, because no application reads it.
func (h *Handler) expireOnEndpoint(header http.Header, r *http.Request, x *exchange) {
	if h.Mode != modeEnforce {
		return
	}
	cookie.FilterCookie(r.Header["Cookie"], x.keepRequestCookie, x.droppedRequestCookie)
	x.expireRefused(header)
}

// stateName is the endpoint of the visitor's choice as data.
const stateName = "state.json"

// state is that document.
type state struct {
	Asked       bool              `json:"asked"`
	State       string            `json:"state"`
	Date        string            `json:"date,omitempty"` // of the choice, UTC
	Method      consent.Method    `json:"method,omitempty"`
	GPC         bool              `json:"gpc"`
	Fingerprint string            `json:"fingerprint"`
	States      string            `json:"states"`           // as the script has them
	Script      string            `json:"script"`           // its name
	Policy      string            `json:"policy,omitempty"` // of pages, as a header has it
	Categories  map[string]string `json:"categories"`
	Services    map[string]string `json:"services"`
}

// serveState answers with the visitor's choice for scripts of the site.
func (h *Handler) serveState(w http.ResponseWriter, x *exchange) error {
	document := state{
		Asked:       x.decision.Asked(),
		State:       x.decision.Summary(),
		GPC:         x.gpc,
		Fingerprint: h.policy.Fingerprint(),
		States:      x.decision.States(),
		Script:      h.shim.Name(),
		Categories:  make(map[string]string),
		Services:    make(map[string]string),
	}
	if x.walled() && x.policyHeader() == policyName {
		document.Policy = h.policies.Of(x.decision, x.page())
	}
	if pref := x.decision.Preference(); pref != nil {
		document.Method = pref.Method
		document.Date = time.Unix(int64(pref.Day)*86400, 0).UTC().Format(time.DateOnly)
	}
	for _, category := range h.policy.Categories() {
		document.Categories[category.Name] = x.decision.Category(category.Name).String()
		for _, service := range h.policy.Services(category.Name) {
			document.Services[service.ID] = x.decision.Service(service.ID).String()
		}
	}
	h.personal(w.Header(), x)
	w.Header().Set("Cache-Control", "no-store") // the script asks often, each time anew
	return writeJSON(w, document)
}

func writeJSON(w http.ResponseWriter, document any) error {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// servePreferences takes the visitor's choice. It is the only way to give consent.
func (h *Handler) servePreferences(w http.ResponseWriter, r *http.Request, x *exchange) error {
	form, err := readOwnForm(w, r, x)
	if err != nil {
		return err
	}
	if form.Get("choice") == string(consent.Placeholder) {
		w.Header().Set(policyName, framedPolicy) // the page around it may be a frame
	}
	if len(form["choice"]) != 1 {
		return &endpointError{status: http.StatusBadRequest, problem: banner.BadForm}
	}
	now := time.Now()
	pref, err := h.policy.Choose(consent.Choice{
		Method:     consent.Method(form.Get("choice")),
		Categories: form["category"],
		Services:   form["service"],
		Before:     x.decision,
	}, now, x.gpc)
	if err != nil {
		return &endpointError{status: http.StatusBadRequest, problem: banner.BadForm}
	}
	key, err := h.keys.signing()
	if err != nil {
		h.logger.Error("a choice could not be signed and was not kept", zap.Error(err))
		return &endpointError{status: http.StatusServiceUnavailable, problem: banner.Unavailable}
	}
	value, err := h.policy.EncodePreference(pref, x.site, key)
	if err != nil {
		return fmt.Errorf("encoding a choice: %w", err)
	}
	before := x.decision
	x.decision = h.policy.Decide(pref, x.gpc)
	receipt, unproven := h.prove(r, x, before, form)
	if unproven != nil {
		return h.serveUnproven(w, r, x, before, pref, key, form, unproven)
	}
	x.countChoice(before, h.banner.Language(form.Get("language"), x.language))

	w.Header().Add("Set-Cookie", h.preferenceCookie(x, value))
	returnTo := localPath(form.Get("return_to"))
	target, err := url.Parse(returnTo)
	if returnTo == "" || err != nil || len(pref.NotKept) > 0 || fromPreferences(form) {
		saved := banner.Page{ReturnTo: returnTo, Saved: true, NotKept: pref.NotKept, Receipt: receipt}
		if h.Mode == modeEnforce {
			w.Header().Set(policyName, savedPolicy)
			saved.Script = template.HTML(h.shim.AppendTag(nil, shim.Page{Decision: x.decision, Saved: true})) //nolint:gosec // it is the module's own
		}
		return h.servePage(w, r, x, h.banner.Language(form.Get("language"), x.language), saved)
	}
	x.url = target // the page on which refused cookies are to be gone
	h.personal(w.Header(), x)
	h.expireOnEndpoint(w.Header(), r, x)
	w.Header().Set("Location", returnTo)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// serveUnproven answers a choice that grants something of which there is no
// proof. Its refusals are honoured all the same.
func (h *Handler) serveUnproven(w http.ResponseWriter, r *http.Request, x *exchange, before *consent.Decision, pref *consent.Preference, key []byte, form url.Values, refused *endpointError) error {
	x.decision = before
	if kept := h.onlyRefusals(before, pref); kept != nil {
		value, err := h.policy.EncodePreference(kept, x.site, key)
		if err != nil {
			return fmt.Errorf("encoding what remains of a choice: %w", err)
		}
		x.decision = h.policy.Decide(kept, x.gpc)
		w.Header().Add("Set-Cookie", h.preferenceCookie(x, value))
		h.expireOnEndpoint(w.Header(), r, x)
		metrics.unrecordedRefusals.Inc()
	}
	refused.retry = url.Values{}
	for _, name := range []string{"choice", "category", "service", "return_to", "language", "source"} {
		if values, ok := form[name]; ok {
			refused.retry[name] = values
		}
	}
	return h.serveError(w, x, refused)
}

// preferenceCookie returns the Set-Cookie line that keeps a choice.
func (h *Handler) preferenceCookie(x *exchange, value string) string {
	line := fmt.Sprintf("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax", h.CookieName, value, int(time.Duration(h.MaxAge).Seconds()))
	if x.site == h.CookieDomain {
		line += "; Domain=" + h.CookieDomain
	}
	if x.secure {
		line += "; Secure"
	}
	return line
}

// sameOrigin reports whether a page of this very origin sent the request. Browsers
// say so in Sec-Fetch-Site; only where that is absent, Origin decides, which
// Referrer-Policy can turn into "null" on a page of the site itself.
func sameOrigin(r *http.Request, scheme string) bool {
	if sites := r.Header["Sec-Fetch-Site"]; len(sites) > 0 {
		return len(sites) == 1 && sites[0] == "same-origin"
	}
	origins := r.Header["Origin"]
	if len(origins) != 1 {
		return false
	}
	return strings.EqualFold(origins[0], scheme+"://"+r.Host)
}

// readOwnForm reads a form that a page of this very origin posted.
func readOwnForm(w http.ResponseWriter, r *http.Request, x *exchange) (url.Values, error) {
	if r.Method != http.MethodPost {
		return nil, &endpointError{status: http.StatusMethodNotAllowed, problem: banner.WrongMethod, allow: http.MethodPost}
	}
	if !sameOrigin(r, x.scheme()) {
		return nil, &endpointError{status: http.StatusForbidden, problem: banner.WrongOrigin}
	}
	return readForm(w, r)
}

// readForm reads a form of at most [maxFormSize] bytes.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, &endpointError{status: http.StatusUnsupportedMediaType, problem: banner.BadForm}
	}
	body, err := readBody(w, r, maxFormSize)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &endpointError{status: http.StatusBadRequest, problem: banner.BadForm}
	}
	return form, nil
}

// readBody reads the body of a request of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &endpointError{status: http.StatusRequestEntityTooLarge, problem: banner.TooLarge}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, &endpointError{status: http.StatusRequestEntityTooLarge, problem: banner.TooLarge}
	}
	if err != nil {
		return nil, &endpointError{status: http.StatusBadRequest, problem: banner.BadForm}
	}
	return body, nil
}
