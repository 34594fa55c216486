package audit

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html/charset"

	"github.com/cookieconsent/caddy-cookie-consent/consent/mimetype"
)

// What a server may make the client read, and how long that may take.
const (
	maxBody      = 4 << 20 // of a page, without its content coding
	maxHeader    = 256 << 10
	maxRedirects = 10
	patience     = 30 * time.Second // for one response
)

// client sends the requests of one visitor.
type client struct {
	jar      jar
	http     *http.Client
	opts     *Options
	requests int
}

func newClient(opts *Options) *client {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: opts.Insecure}, //nolint:gosec // on demand
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // so that the size of what is decoded is bounded here
		MaxResponseHeaderBytes: maxHeader,
		TLSHandshakeTimeout:    patience / 3,
		IdleConnTimeout:        patience,
	}
	return &client{opts: opts, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// A hop is a response on the way to a page, that of the page itself last.
type hop struct {
	url    *url.URL
	status int
	header http.Header
	set    []*kept // that a browser keeps
	gone   []*kept // what it had and deletes
}

// answer is what a request led to.
type answer struct {
	hops []hop
	left *url.URL // where a redirect led that was not followed
	body string   // of a page, in UTF-8

	page     bool
	problem  string
	redirect bool // the last hop is one
}

func (a *answer) last() *hop { return &a.hops[len(a.hops)-1] }

// mayFollow says whether a redirect is followed.
type mayFollow func(to *url.URL) bool

// get asks for a page. Referrer is the page with the link, nil for none.
func (c *client) get(ctx context.Context, u, referrer *url.URL, follow mayFollow) (*answer, error) {
	return c.send(ctx, http.MethodGet, u, referrer, nil, follow)
}

// post sends a form as a browser without JavaScript does.
func (c *client) post(ctx context.Context, u, page *url.URL, form url.Values, follow mayFollow) (*answer, error) {
	return c.send(ctx, http.MethodPost, u, page, form, follow)
}

// send sends a request and follows its redirects. It fails if there is no response at
// all.
func (c *client) send(ctx context.Context, method string, u, referrer *url.URL, form url.Values, follow mayFollow) (*answer, error) {
	a := new(answer)
	for {
		next, err := c.hop(ctx, a, method, u, referrer, form)
		if err != nil {
			return a, err
		}
		if a.redirect = next != nil; !a.redirect {
			return a, nil
		}
		if !follow(next) {
			a.left = next
			return a, nil
		}
		if len(a.hops) > maxRedirects {
			a.problem = fmt.Sprintf("more than %d redirects", maxRedirects)
			return a, nil
		}
		if status := a.last().status; status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect {
			method, form = http.MethodGet, nil
		}
		u = next
	}
}

// hop sends one request and returns where it is redirected to, nil if it is not.
func (c *client) hop(ctx context.Context, a *answer, method string, u, referrer *url.URL, form url.Values) (*url.URL, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	c.dress(r, referrer, form != nil)
	if sent := c.jar.of(u, time.Now()); len(sent) > 0 {
		r.Header.Set("Cookie", header(sent))
	}
	c.opts.Progress(method + " " + printable(u.String()))
	res, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	h := hop{url: u, status: res.StatusCode, header: res.Header}
	now := time.Now()
	for _, line := range res.Header["Set-Cookie"] {
		switch kept, stored, removed := c.jar.set(u, line, now); {
		case stored:
			h.set = append(h.set, kept)
		case removed:
			h.gone = append(h.gone, kept)
		}
	}
	a.hops = append(a.hops, h)
	if location := res.Header.Get("Location"); location != "" && res.StatusCode >= 300 && res.StatusCode < 400 {
		next, err := u.Parse(location)
		if err == nil && next.Fragment == "" {
			next.Fragment = u.Fragment
		}
		if err != nil {
			a.problem = "it is redirected to what is no address"
			return nil, nil //nolint:nilerr // the response is there
		}
		return next, nil
	}
	a.read(res)
	return nil, nil
}

// wait keeps the delay between two requests.
func (c *client) wait(ctx context.Context) error {
	if c.requests++; c.requests == 1 || c.opts.Delay <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(c.opts.Delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// dress makes a request look like the navigation of a browser.
func (c *client) dress(r *http.Request, referrer *url.URL, isForm bool) {
	h := r.Header
	h.Set("User-Agent", c.opts.UserAgent)
	h.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	h.Set("Accept-Language", c.opts.Language)
	h.Set("Accept-Encoding", "gzip")
	h.Set("Upgrade-Insecure-Requests", "1")
	from := "none"
	if referrer != nil {
		from = "same-origin"
		if referrer.Scheme != r.URL.Scheme || referrer.Host != r.URL.Host {
			from = "same-site"
		}
		if trustworthy(r.URL) || !trustworthy(referrer) {
			h.Set("Referer", (&url.URL{Scheme: referrer.Scheme, Host: referrer.Host, Path: referrer.Path, RawPath: referrer.RawPath, RawQuery: referrer.RawQuery}).String())
		}
	}
	if isForm {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		h.Set("Origin", referrer.Scheme+"://"+referrer.Host)
	}
	if trustworthy(r.URL) {
		h.Set("Sec-Fetch-Dest", "document")
		h.Set("Sec-Fetch-Mode", "navigate")
		h.Set("Sec-Fetch-Site", from)
		h.Set("Sec-Fetch-User", "?1")
	}
}

// read takes the body of a page or of a document of the module.
func (a *answer) read(res *http.Response) {
	contentType := mimetype.FromHeader(res.Header["Content-Type"]).Essence
	if contentType != "" && contentType != mimetype.HTML && contentType != "application/json" {
		return
	}
	raw, err := readBody(res)
	if err != nil {
		a.problem = "reading it: " + printable(err.Error())
	}
	if contentType == "" {
		contentType, _ = mimetype.Sniff(raw[:min(len(raw), 512)], true)
	}
	a.page = contentType == mimetype.HTML && !mimetype.IsAttachment(res.Header["Content-Disposition"])
	text, err := charset.NewReader(bytes.NewReader(raw), res.Header.Get("Content-Type"))
	if err == nil {
		raw, err = io.ReadAll(io.LimitReader(text, maxBody))
	}
	if err != nil && a.problem == "" {
		a.problem = "reading its characters: " + printable(err.Error())
	}
	a.body = string(raw)
}

var errTooLong = fmt.Errorf("only its first %d MiB were read", maxBody>>20)

// readBody returns the body of a response without its content coding, cut at maxBody.
func readBody(res *http.Response) ([]byte, error) {
	body := io.Reader(res.Body)
	switch coding := strings.ToLower(strings.Join(res.Header["Content-Encoding"], ",")); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		decoded, err := gzip.NewReader(body)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		body = decoded
	default:
		return nil, fmt.Errorf("it is in the content coding %q, which was not asked for", coding)
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if len(raw) > maxBody {
		raw, err = raw[:maxBody], errTooLong
	}
	return raw, err
}
