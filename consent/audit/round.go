package audit

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// maxSeen bounds the cookies, and the hosts, that a round tells apart.
const maxSeen = 500

// run is a round that goes on.
type run struct {
	*audit
	round  *Round
	client *client
}

func (a *audit) begin(name RoundName, c *client) *run {
	c.requests = 0
	round := &Round{Name: name, Pages: []*Page{}, Cookies: []*Cookie{}, Hosts: []*Host{}, Kept: []string{}, Expired: []string{}}
	a.site.Rounds = append(a.site.Rounds, round)
	return &run{audit: a, round: round, client: c}
}

// crawl visits the pages that the first one leads to, the nearest first.
func (r *run) crawl(ctx context.Context, first *page) {
	q := queue{seen: map[string]bool{}}
	q.add(r.start, nil)
	q.waiting = nil
	r.pages = []visit{{to: r.start}}
	for p, from := first, r.start; ; {
		if p != nil {
			for _, to := range p.links {
				if r.leads(to) {
					q.add(to, from)
				}
			}
		}
		v, ok := q.next()
		if !ok {
			return
		}
		if len(r.pages) >= r.opts.Pages {
			r.remark("There are more pages than the %d that were visited.", r.opts.Pages)
			return
		}
		if ctx.Err() != nil {
			return
		}
		r.pages = append(r.pages, v)
		p, from = r.visit(ctx, v), v.to
	}
}

// leads reports whether a link leads to a page that is to be visited.
func (a *audit) leads(to *url.URL) bool {
	return a.mayFollow(to) && isPage(to) && (a.prefix == nil || !strings.HasPrefix(to.Path, a.prefix.Path))
}

// visit asks for a page and notes what it does; nil if it is none.
func (r *run) visit(ctx context.Context, v visit) *page {
	if ctx.Err() != nil {
		return nil
	}
	answer, err := r.client.get(ctx, v.to, v.from, r.mayFollow)
	if err != nil {
		r.round.Pages = append(r.round.Pages, &Page{Address: printable(v.to.String()), Problem: printable(err.Error())})
		r.note(answer, false)
		if ctx.Err() == nil {
			r.incomplete("%s gave no answer: %s", printable(v.to.String()), printable(err.Error()))
		}
		return nil
	}
	p := r.open(answer)
	r.record(answer, p)
	return p
}

// open reads what an answer is; nil if it is no page.
func (r *run) open(answer *answer) *page {
	r.round.Pages = append(r.round.Pages, listed(answer))
	if !answer.page {
		return nil
	}
	return readPage(answer.last().url, answer.body)
}

func listed(answer *answer) *Page {
	l := &Page{
		Address: printable(answer.hops[0].url.String()), Status: answer.last().status,
		HTML: answer.page, Problem: answer.problem,
	}
	for _, hop := range answer.hops[1:] {
		l.Redirects = append(l.Redirects, printable(hop.url.String()))
	}
	if answer.left != nil {
		l.NotTaken = printable(answer.left.String())
	}
	return l
}

// record notes what a page does.
func (r *run) record(answer *answer, p *page) {
	r.note(answer, false)
	for i := range answer.hops {
		at, read, text := &answer.hops[i], p, answer.body
		if i < len(answer.hops)-1 {
			read, text = nil, ""
		}
		for _, ref := range references(r.classifier, at, read, text) {
			r.addHost(at, ref)
		}
	}
	if p == nil || r.prefix == nil || !r.mustAsk() {
		return
	}
	address := printable(p.base.String())
	asks := p.accept.there || p.reject.there
	switch first := r.round.Name == NoChoice; {
	case first && !asks:
		r.site.find("no-banner", NoChoice, "", address, "There is no banner in it.")
	case first && p.accept.there && (!p.reject.there || p.reject.deeper && !p.accept.deeper):
		r.site.find("reject-harder", NoChoice, "", address, "Its banner has a button to agree on the first layer, and none to refuse.")
	case first:
	case asks:
		r.site.find("choice-not-taken", r.round.Name, "", address, "The page asks again.")
	case p.settings == "":
		r.site.find("no-settings", r.round.Name, "", address, "There is no link to the preferences in it.")
	}
}

// note notes the cookies that answers set and delete.
func (r *run) note(answer *answer, choice bool) {
	for i := range answer.hops {
		hop := &answer.hops[i]
		for _, c := range hop.set {
			r.addCookie(hop, c, choice && i == 0)
		}
		for _, c := range hop.gone {
			if name := printable(c.Name); !slices.Contains(r.round.Expired, name) && len(r.round.Expired) < maxSeen {
				r.round.Expired = append(r.round.Expired, name)
			}
		}
	}
}

func (r *run) addCookie(at *hop, c *kept, answer bool) {
	for _, other := range r.round.Cookies {
		if other.raw == c.Name && other.Domain == printable(c.domain) && other.HostOnly == c.hostOnly && other.Path == printable(c.path) {
			other.Times++
			return
		}
	}
	if len(r.round.Cookies) == maxSeen {
		return
	}
	lifetime := consent.Lifetime{Session: !c.Persistent, Duration: c.Lifetime}
	class, declared := r.cookie(r.round.Name, c.Name)
	r.round.Cookies = append(r.round.Cookies, &Cookie{
		Name: printable(c.Name), Class: class, Domain: printable(c.domain), HostOnly: c.hostOnly, Path: printable(c.path),
		Secure: c.Secure, HTTPOnly: c.HttpOnly, SameSite: c.SameSite, Partitioned: c.Partitioned,
		Lifetime: lifetime.String(), SetBy: printable(at.url.String()), Times: 1,
		seconds: c.Lifetime, declared: declared, raw: c.Name, answer: answer,
	})
}

func (r *run) addHost(at *hop, ref reference) {
	name := printable(ref.host)
	if ref.service != nil {
		name = ref.service.Name
	}
	for _, other := range r.round.Hosts {
		if other.Host == name && other.Where == ref.where {
			other.Times++
			return
		}
	}
	var class Class
	if ref.service != nil {
		class = r.script(r.round.Name, ref.service)
	} else {
		class = r.host(r.round.Name, pageAt(r.policy, at.url), ref.host)
	}
	if len(r.round.Hosts) < maxSeen {
		r.round.Hosts = append(r.round.Hosts, &Host{Host: name, Class: class, Where: ref.where, On: printable(at.url.String()), Times: 1})
	}
}

// choose makes a choice as a visitor without JavaScript: in the banner, or on the
// preferences page where there is none.
func (r *run) choose(ctx context.Context, choice string) {
	from := visit{to: r.start}
	if r.round.Name == Withdrawn {
		from = visit{to: r.prefix, from: r.start}
	}
	answer, p, err := r.form(ctx, from)
	if err == nil && p == nil && r.round.Name != Withdrawn {
		answer, p, err = r.form(ctx, visit{to: r.prefix, from: r.start})
	}
	if err != nil || p == nil {
		if ctx.Err() == nil {
			r.site.find("choice-not-taken", r.round.Name, "", printable(from.to.String()), "There is no form to choose by, neither on the page nor at %s.", printable(r.prefix.String()))
		}
		return
	}
	page := answer.last().url
	to, err := page.Parse(p.action)
	if err != nil || !r.mayFollow(to) {
		r.site.find("choice-not-taken", r.round.Name, "", printable(page.String()), "The form leads elsewhere.")
		return
	}
	form := p.fields
	form.Set("choice", choice)
	taken, err := r.client.post(ctx, to, page, form, r.mayFollow)
	switch {
	case err != nil && ctx.Err() == nil:
		r.site.find("choice-not-taken", r.round.Name, "", printable(page.String()), "There was no answer to it: %s.", printable(err.Error()))
	case err == nil && taken.last().status >= http.StatusBadRequest:
		r.site.find("choice-not-taken", r.round.Name, "", printable(page.String()), "It was answered with status %d.", taken.last().status)
	}
	r.note(taken, true)
}

// form returns the page at an address if it has the form to choose by, else nil.
func (r *run) form(ctx context.Context, v visit) (*answer, *page, error) {
	answer, err := r.client.get(ctx, v.to, v.from, r.mayFollow)
	if err != nil || !answer.page {
		return answer, nil, err
	}
	p := readPage(answer.last().url, answer.body)
	if p.action == "" || !p.accept.there || !p.reject.there {
		return answer, nil, nil
	}
	return answer, p, nil
}

// end completes the round.
func (r *run) end(ctx context.Context) {
	r.round.Requests = r.client.requests
	for _, c := range r.client.jar.kept {
		if r.needsConsent(c.Name) && !slices.Contains(r.round.Kept, c.Name) {
			r.round.Kept = append(r.round.Kept, c.Name)
		}
	}
	slices.Sort(r.round.Expired)
	slices.Sort(r.round.Kept)
	if ctx.Err() != nil {
		r.incomplete("there was no time for all of it: the visits took longer than %v", r.opts.Timeout)
	}
}
