// Package audit visits a running site as visitors do who choose nothing, refuse, agree,
// and withdraw, and reports what an authority would ask about. It is a client of HTTP
// and no browser: [Report.Limits] says what it can't see.
//
// It sends GET requests to the host of the start address alone, and of a choice the
// form of the module's own banner. Whatever a site answers is bounded: bodies,
// headers, redirects, pages and time.
package audit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// Options say how sites are visited.
type Options struct {
	Catalog *catalog.Catalog

	Pages     int           // in each round, at most
	Timeout   time.Duration // of all that is asked of one site
	Delay     time.Duration // between two requests
	UserAgent string
	Language  string // value of Accept-Language
	Insecure  bool   // certificates are not verified

	// FirstParty are further hosts of the owner, as in a [consent.Config].
	FirstParty []string

	// Accepted and Rejected are cookies, name=value, by which another consent tool than
	// the module keeps agreement and refusal.
	Accepted, Rejected []string

	// Progress is told of every request.
	Progress func(text string)
}

// choiceNames returns the names of the cookies by which another tool keeps a choice.
func (o *Options) choiceNames() []string {
	var names []string
	for _, pair := range slices.Concat(o.Accepted, o.Rejected) {
		if name, _, _ := strings.Cut(pair, "="); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// defaultPrefix is where the module answers unless it is configured otherwise.
const defaultPrefix = "/.cookie-consent/"

// audit is the audit of one site.
type audit struct {
	opts *Options
	site *Site
	*classifier

	start  *url.URL // the page where rounds begin
	pages  []visit  // of every round
	prefix *url.URL // of the module; nil if the site does not use it
	asks   bool     // something that the site declares needs consent
}

// Visit audits the site of a start address. It fails if that is none or gives no answer.
func Visit(ctx context.Context, address string, opts Options) (*Site, error) {
	start, err := startAddress(address)
	if err != nil {
		return nil, err
	}
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	a := &audit{opts: &opts, start: start, site: &Site{
		Address: start.String(), Rounds: []*Round{}, Findings: []*Finding{}, Remarks: []string{},
	}}
	if a.classifier, err = newClassifier(&opts, nil); err != nil {
		return nil, err
	}
	if err := a.visitAll(ctx); err != nil {
		return nil, err
	}
	a.site.judge(a.classifier)
	return a.site, nil
}

// startAddress reads an address as somebody types it.
func startAddress(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || !isWeb(u):
		return nil, fmt.Errorf("%q is not an address such as https://www.example.com/", address)
	case u.User != nil:
		return nil, errors.New("an address with a user name is not supported")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment = ""
	return u, nil
}

func (a *audit) visitAll(ctx context.Context) error {
	visitor := newClient(a.opts)
	defer visitor.close()
	first := a.begin(NoChoice, visitor)
	answer, err := visitor.get(ctx, a.start, nil, a.mayStart)
	if err != nil {
		return fmt.Errorf("visiting %s: %w", printable(a.start.String()), err)
	}
	a.start = answer.last().url
	a.site.Host = printable(a.start.Host)
	page := first.open(answer)
	switch {
	case answer.left != nil:
		a.incomplete("the start address leads to %s, which is another site", printable(answer.left.Host))
	case answer.last().status >= http.StatusBadRequest:
		a.incomplete("the start address answers with status %d", answer.last().status)
	case page == nil:
		a.incomplete("what is at the start address is not a page")
	}
	if page == nil {
		first.end(ctx)
		return nil
	}
	if err := a.findModule(ctx, first, page); err != nil {
		return err
	}
	first.record(answer, page)
	first.crawl(ctx, page)
	first.end(ctx)
	a.choose(ctx, page)
	return nil
}

// incomplete notes why the audit is not whole; the first reason counts.
func (a *audit) incomplete(format string, args ...any) {
	if a.site.Incomplete == "" {
		a.site.Incomplete = fmt.Sprintf(format, args...)
	}
}

// mayStart lets a start address lead to another host of the same site, such as from
// example.com to www.example.com.
func (a *audit) mayStart(to *url.URL) bool {
	from := a.start
	if !isWeb(to) || to.User != nil {
		return false
	}
	if strings.EqualFold(to.Hostname(), from.Hostname()) {
		return true
	}
	site, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(from.Hostname()))
	other, err2 := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(to.Hostname()))
	return err == nil && err2 == nil && site == other
}

// mayFollow lets redirects lead to the host that is audited.
func (a *audit) mayFollow(to *url.URL) bool { return sameHost(a.start, to) && to.User == nil }

// findModule finds out whether the site uses the module, and reads what it declares.
func (a *audit) findModule(ctx context.Context, r *run, p *page) error {
	prefix := &url.URL{Path: defaultPrefix}
	if own, ok := strings.CutSuffix(p.action, "preferences"); ok {
		if u, err := url.Parse(own); err == nil {
			prefix = u
		}
	}
	prefix = a.start.ResolveReference(prefix)
	if !a.mayFollow(prefix) {
		return nil
	}
	answer, err := r.client.get(ctx, prefix.JoinPath("declaration.json"), a.start, func(*url.URL) bool { return false })
	if err != nil || answer.redirect || answer.last().status != http.StatusOK {
		return nil //nolint:nilerr // then it does not use it
	}
	d, err := readDeclaration(answer.body)
	if err != nil {
		return nil //nolint:nilerr // the same
	}
	a.prefix, a.asks = prefix, asks(d)
	a.site.Module = &Module{
		Prefix: printable(prefix.Path), Fingerprint: printable(d.Fingerprint), Controller: printable(d.Controller),
		PrivacyPolicy: printable(d.PrivacyPolicy), Declared: declared(d),
	}
	c, err := newClassifier(a.opts, d)
	if err != nil {
		a.remark("What it declares can't be read, so that only the catalog says what cookies are for: %s.", printable(err.Error()))
		return nil
	}
	a.classifier = c
	return nil
}

// asks reports whether something that is declared waits for consent. A site where nothing
// does need not ask.
func asks(d *banner.Declaration) bool {
	return slices.ContainsFunc(d.Categories, func(c banner.DeclaredCategory) bool {
		return c.NeedsConsent && (len(c.Cookies) > 0 || slices.ContainsFunc(c.Services, func(s banner.DeclaredService) bool { return s.Exempt == "" }))
	})
}

// mustAsk reports whether the site has to ask: for what it declares, or for what it does
// without asking.
func (a *audit) mustAsk() bool {
	first := a.site.Rounds[0]
	return a.asks || slices.ContainsFunc(first.Cookies, func(c *Cookie) bool { return !c.Allowed }) ||
		slices.ContainsFunc(first.Hosts, func(h *Host) bool { return !h.Allowed })
}

func declared(d *banner.Declaration) int {
	n := 0
	for _, category := range d.Categories {
		n += len(category.Cookies) + len(category.Services)
	}
	return n
}

func (a *audit) remark(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(a.site.Remarks, text) {
		a.site.Remarks = append(a.site.Remarks, text)
	}
}

// choose visits the pages again after each choice.
func (a *audit) choose(ctx context.Context, p *page) {
	byCookie := len(a.opts.Accepted) > 0 && len(a.opts.Rejected) > 0
	if a.prefix != nil && !a.mustAsk() {
		a.remark("Nothing that it declares and nothing that was seen needs consent, so that there was nothing to choose.")
		return
	}
	if a.prefix == nil && !byCookie {
		a.remark("A client can't choose there, so that only visits before a choice were made: --accepted and --rejected name the cookies by which a tool of the site keeps a choice.")
		if tool := consentTool(a.catalog, a.site.Rounds[0].Hosts); tool != "" {
			a.remark("It seems to ask by %s, whose banner a script builds.", tool)
		}
		return
	}
	rejecting, accepting := newClient(a.opts), newClient(a.opts)
	defer rejecting.close()
	defer accepting.close()
	for _, round := range []struct {
		name    RoundName
		client  *client
		choice  string
		cookies []string
	}{
		{Rejected, rejecting, rejectChoice, a.opts.Rejected},
		{Accepted, accepting, acceptChoice, a.opts.Accepted},
		{Withdrawn, accepting, rejectChoice, a.opts.Rejected},
	} {
		r := a.begin(round.name, round.client)
		if a.prefix == nil {
			for _, pair := range round.cookies {
				r.client.jar.set(a.start, pair+"; Path=/", time.Now())
			}
		} else {
			r.choose(ctx, round.choice)
		}
		for _, v := range a.pages {
			r.visit(ctx, v)
		}
		r.end(ctx)
	}
}

// consentTool returns the name of a tool of somebody else that asks for consent.
func consentTool(known *catalog.Catalog, hosts []*Host) string {
	for _, h := range hosts {
		if match, ok := known.Host(h.Host); ok && match.IsConsentTool() {
			return match.Name()
		}
	}
	return ""
}
