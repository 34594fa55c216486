package cookieconsent

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/wall"
)

// suggestion makes Caddyfile lines of what was seen on the sites of one handler and is
// not declared. What the catalog knows becomes declarations, everything else questions
// in comments. As it is printed it enforces consent, and makes nothing pass that would
// not pass without it.
type suggestion struct {
	handler *configuredHandler
	sites   []*inventory.Site

	trial consent.Config // with everything so far

	cdns, declared, questions strings.Builder

	hidden []string            // cookies that nobody knows and the application hides from scripts
	lines  map[seenName]string // about each name
}

// A seenName is a cookie or host of an inventory.
type seenName struct {
	host bool
	name string
}

// newSuggestion makes the lines for one handler.
func newSuggestion(h *configuredHandler, sites []*inventory.Site) *suggestion {
	s := &suggestion{handler: h, sites: sites, trial: h.config(), lines: map[seenName]string{}}
	seen := inventory.MergeSites(sites...)
	s.addServices(seen)
	s.addProducts(seen)
	s.askAboutCookies(seen)
	s.askAboutHosts(seen)
	return s
}

// put adds lines to a part of the block, and remembers which names they are about.
func (s *suggestion) put(to *strings.Builder, lines string, about ...seenName) {
	to.WriteString(lines)
	for _, name := range about {
		s.lines[name] += lines
	}
}

// suggest returns the block for one handler.
func suggest(h *configuredHandler, sites []*inventory.Site) string {
	s := newSuggestion(h, sites)
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: what was seen there and is not declared.\n", strings.Join((&siteGroup{h, sites}).names(), ", "))
	if s.cdns.Len()+s.declared.Len()+s.questions.Len() == 0 {
		return b.String() + "# Nothing.\n"
	}
	b.WriteString(s.howToUse())
	if len(s.hidden) > 0 {
		fmt.Fprintf(&b, "# First answer the questions about cookies that a log-in may need: %s\n", strings.Join(s.hidden, ", "))
	}
	b.WriteString("cookie_consent {\n")
	b.WriteString(s.cdns.String() + s.declared.String() + s.questions.String())
	b.WriteString("}\n")
	return string(caddyfile.Format([]byte(b.String())))
}

// howToUse says where to put the block. Modes are not suggested: what declares should also
// enforce, unless the operator says otherwise.
func (s *suggestion) howToUse() string {
	observing := s.handler.Mode == modeObserve
	switch {
	case s.handler.bare && observing:
		return "# Use the block in place of the one that there is: visitors are asked then, and what they\n" +
			"# have not agreed to is withheld. To go on observing, add the line: mode observe\n"
	case s.handler.bare:
		return "# Use the block in place of the one that there is.\n"
	case observing:
		return "# Put the lines into the cookie_consent block that there is. Once its line \"mode observe\" is\n" +
			"# removed, visitors are asked, and what they have not agreed to is withheld.\n"
	}
	return "# Put the lines into the cookie_consent block that there is.\n"
}

// accept reports whether a declaration can stand beside those before; else it returns
// why not.
func (s *suggestion) accept(add func(*consent.Config)) (problem string) {
	trial := s.trial
	trial.Cookies, trial.Services = slices.Clip(trial.Cookies), slices.Clip(trial.Services)
	add(&trial)
	policy, err := consent.New(trial)
	if err == nil && s.handler.Wall != wallOff {
		_, err = wall.NewPolicies(policy)
	}
	if err != nil {
		return err.Error()
	}
	s.trial = trial
	return ""
}

// serviceSeen is a service of the catalog with what was seen of it.
type serviceSeen struct {
	*catalog.Service
	hosts   []string
	cookies []seenName
}

// names returns all that was seen of the service.
func (s *serviceSeen) names() []seenName {
	names := slices.Clip(s.cookies)
	for _, host := range s.hosts {
		names = append(names, seenName{true, host})
	}
	return names
}

// addServices declares the services that were recognised by their cookies or hosts.
func (s *suggestion) addServices(seen *inventory.Site) {
	services := map[string]*serviceSeen{}
	of := func(service *catalog.Service) *serviceSeen {
		if services[service.ID] == nil {
			services[service.ID] = &serviceSeen{Service: service}
		}
		return services[service.ID]
	}
	for i := range seen.Cookies {
		v := s.handler.classifyCookie(seen.Cookies[i].Name)
		if service := v.known.Service; service != nil && !v.declared && !v.known.IsHint() && v.known.Category == service.Category {
			of(service).cookies = append(of(service).cookies, seenName{name: seen.Cookies[i].Name})
		}
	}
	for i := range seen.Hosts {
		host := seen.Hosts[i].Host
		v := s.handler.classifyHost(seen.Host, host)
		if service := v.known.Service; service != nil && !v.declared && !service.CDN {
			of(service).hosts = append(of(service).hosts, host)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(services)) {
		s.addService(services[id])
	}
}

func (s *suggestion) addService(seen *serviceSeen) {
	about := seen.names()
	service := serviceOf(seen.Service, seen.Category, seen.hosts)
	if seen.Category == consent.Necessary { // a star would let others pass
		hasStar := func(pattern string) bool { return strings.Contains(pattern, "*") }
		service.Cookies = slices.DeleteFunc(service.Cookies, hasStar)
		service.Hosts = slices.DeleteFunc(slices.Clone(seen.hosts), hasStar)
		service.Storage = nil
		if len(service.Hosts) < len(seen.hosts) {
			s.askForHosts(seen, "of which none may stand behind a star that lets others pass", slices.DeleteFunc(seen.hosts, func(host string) bool { return !hasStar(host) }))
		}
	}
	if i := slices.IndexFunc(s.trial.Services, func(other consent.Service) bool { return other.ID == seen.ID }); i >= 0 {
		var b strings.Builder
		fmt.Fprintf(&b, "The service %s is declared, but not all that was seen of it. Add to it:\n", seen.ID)
		if len(seen.cookies) > 0 {
			writeOption(&b, "cookies", service.Cookies)
		}
		writeOption(&b, "hosts", service.Hosts)
		s.put(&s.questions, commented(b.String()), about...)
		return
	}
	problem := s.accept(func(cfg *consent.Config) { cfg.Services = append(cfg.Services, *service) })
	if problem != "" && len(service.Hosts) > 0 {
		without := *service
		without.Hosts = nil
		if s.accept(func(cfg *consent.Config) { cfg.Services = append(cfg.Services, without) }) == "" {
			s.askForHosts(seen, "which can't be declared as they are: "+problem, service.Hosts)
			service, problem = &without, ""
		}
	}
	lines := serviceLines(service)
	if problem != "" {
		s.put(&s.questions, commented(fmt.Sprintf("%s can't be declared as it is: %s\n%s", seen.Name, problem, lines)), about...)
		return
	}
	s.put(&s.declared, lines+"\n\n", about...)
}

// askForHosts asks about hosts of a service that are not declared with it.
func (s *suggestion) askForHosts(seen *serviceSeen, why string, hosts []string) {
	var b strings.Builder
	writeOption(&b, "hosts", hosts)
	about := (&serviceSeen{hosts: hosts}).names()
	s.put(&s.questions, commented("Hosts of "+seen.Name+", "+why+"\n"+b.String()), about...)
}

// productCookies are the cookies of a product that serve the same purpose.
type productCookies struct {
	known    catalog.Match
	names    []string
	seen     []seenName
	lifetime consent.Lifetime
	open     bool // one was never seen to be set
}

// addProducts declares the cookies that the catalog knows by themselves: those of
// products, and those of services that belong to another category than these.
func (s *suggestion) addProducts(seen *inventory.Site) {
	groups := map[string]*productCookies{}
	for i := range seen.Cookies {
		c := &seen.Cookies[i]
		v := s.handler.classifyCookie(c.Name)
		if v.declared || v.known.Name() == "" || v.known.IsHint() || v.known.Service != nil && v.known.Category == v.known.Service.Category {
			continue
		}
		key := v.known.ID() + " " + v.known.Category + " " + v.known.Purpose
		if v.known.Category == consent.Necessary && strings.ContainsAny(c.Name, "<*") {
			s.put(&s.questions, commented(fmt.Sprintf(
				"%s of %s is known to be necessary, and passes without a declaration. To have it in your cookie policy,\n"+
					"declare the name that your site has, without a star, behind which others could pass:\n"+
					"%s",
				c.Name, v.known.Name(), cookieLines(&consent.Cookie{
					Patterns: []string{c.Name}, Category: consent.Necessary, Provider: v.known.Provider(),
					Purpose: consent.Text{"": v.known.Purpose},
				}))), seenName{name: c.Name})
			continue
		}
		group := groups[key]
		if group == nil {
			group = &productCookies{known: v.known}
			groups[key] = group
		}
		group.names = append(group.names, withStars(c.Name))
		group.seen = append(group.seen, seenName{name: c.Name})
		// What is declared too short would be cut down.
		group.open = group.open || c.Lifetime.IsZero()
		for _, lifetime := range []consent.Lifetime{wholeDays(c.Lifetime), v.known.Cookie.Lifetime} {
			if group.lifetime.IsZero() || lifetime.Duration > group.lifetime.Duration {
				group.lifetime = lifetime
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		s.addCookie(groups[key])
	}
}

func (s *suggestion) addCookie(group *productCookies) {
	cookie := consent.Cookie{
		Patterns: slices.Compact(slices.Sorted(slices.Values(group.names))),
		Category: group.known.Category, Provider: group.known.Provider(),
		Purpose: consent.Text{"": group.known.Purpose},
	}
	if !group.open {
		cookie.Lifetime = group.lifetime
	}
	lines := cookieLines(&cookie)
	if problem := s.accept(func(cfg *consent.Config) { cfg.Cookies = append(cfg.Cookies, cookie) }); problem != "" {
		s.put(&s.questions, commented(fmt.Sprintf("%s can't be declared as they are: %s\n%s", strings.Join(cookie.Patterns, ", "), problem, lines)), group.seen...)
		return
	}
	s.put(&s.declared, lines+"\n\n", group.seen...)
}

// askAboutCookies asks about names that nobody knows: those first that the application
// hides from scripts, which are the likeliest to be needed.
func (s *suggestion) askAboutCookies(seen *inventory.Site) {
	var unknown []*inventory.Cookie
	for i := range seen.Cookies {
		if v := s.handler.classifyCookie(seen.Cookies[i].Name); !v.declared && (v.known.Name() == "" || v.known.IsHint()) {
			unknown = append(unknown, &seen.Cookies[i])
		}
	}
	rank := func(c *inventory.Cookie) int {
		switch {
		case c.Script():
			return 2
		case c.HTTPOnly:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(unknown, func(a, b *inventory.Cookie) int { return cmp.Compare(rank(a), rank(b)) })
	for _, c := range unknown {
		v := s.handler.classifyCookie(c.Name)
		if c.Name == "" || c.Name == "*" {
			s.put(&s.questions, commented("A cookie without a name that could be written here. "+describeCookie(c)+"\n"), seenName{name: c.Name})
			continue
		}
		if rank(c) == 0 {
			s.hidden = append(s.hidden, c.Name)
		}
		who := "not known"
		if v.known.IsHint() {
			who = "perhaps of " + v.known.Name()
		}
		s.put(&s.questions, commented(c.Name+": "+who+", and withheld until the visitor agrees to "+v.category+". What is it for?\n"+describeCookie(c)+"\n"+cookieLines(&consent.Cookie{
			Patterns: []string{withStars(c.Name)},
			Category: "<necessary, statistics, first_party or third_party>",
			Provider: cmp.Or(v.known.Provider(), "<who sets it>"),
			Purpose:  consent.Text{"": cmp.Or(v.known.Purpose, "<what it is for>")},
			Lifetime: wholeDays(c.Lifetime),
		})), seenName{name: c.Name})
	}
}

// askAboutHosts asks about hosts that only deliver files, first, because pages may need
// them to look right, and about those that nobody knows.
func (s *suggestion) askAboutHosts(seen *inventory.Site) {
	for i := range seen.Hosts {
		host := &seen.Hosts[i]
		v := s.handler.classifyHost(seen.Host, host.Host)
		switch {
		case v.declared:
		case v.known.IsCDN():
			s.put(&s.cdns, commented(fmt.Sprintf("Needed to render? %s (%s) delivers files and sets no cookies. %s\nIf pages look broken without it, and you answer for that visitors contact it without being asked:\nfirst_party %s\n",
				host.Host, v.known.Name(), describeHost(host), host.Host)), seenName{true, host.Host})
		case v.known.Service == nil:
			who := "not known"
			if v.known.List != nil {
				who = "on the list " + v.known.List.File
			}
			s.put(&s.questions, commented(host.Host+": "+who+", and kept from pages until the visitor agrees to "+v.category+". Who answers there?\n"+
				describeHost(host)+"\n"+unknownServiceLines(host.Host, "<statistics, first_party or third_party>")), seenName{true, host.Host})
		}
	}
}

// describeCookie says what was seen of a cookie.
func describeCookie(c *inventory.Cookie) string {
	var b strings.Builder
	if c.Script() {
		fmt.Fprintf(&b, "Never set by the application: a script wrote it, or another host of the domain. Sent %s", times(c.Sent))
	} else {
		b.WriteString("Set by the application")
		if c.HTTPOnly {
			b.WriteString(", hidden from scripts (HttpOnly)")
		}
		switch {
		case c.Lifetime.Session:
			b.WriteString(", for the browser session")
		case !c.Lifetime.IsZero():
			b.WriteString(", for " + wholeDays(c.Lifetime).String())
		}
		fmt.Fprintf(&b, ". Set %s, sent %s", times(c.Set), times(c.Sent))
	}
	return b.String() + describeSeen(&c.Seen)
}

// describeHost says what was seen of a host.
func describeHost(h *inventory.Host) string {
	return fmt.Sprintf("Seen %s (%s)", times(h.Count()), whereNamed(h)) + describeSeen(&h.Seen)
}

// times says how often something was seen.
func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func describeSeen(s *inventory.Seen) string {
	text := ", last on " + s.Last.UTC().Format(time.DateOnly)
	if len(s.Paths) > 0 {
		text += ", for instance at " + strings.Join(s.Paths, ", ")
	}
	return text + "."
}

// withStars returns a name as an inventory has it in the notation of declarations.
func withStars(name string) string {
	var b strings.Builder
	for {
		before, rest, run := strings.Cut(name, "<")
		b.WriteString(before)
		if !run {
			break
		}
		if _, name, run = strings.Cut(rest, ">"); !run {
			break
		}
		if !strings.HasSuffix(b.String(), "*") {
			b.WriteByte('*')
		}
	}
	return b.String()
}

// wholeDays returns a lifetime that is no shorter and reads well: whole days from one
// day on, else whole minutes.
func wholeDays(l consent.Lifetime) consent.Lifetime {
	const day = 24 * time.Hour
	unit := time.Minute
	if l.Duration > day {
		unit = day
	}
	l.Duration = min((l.Duration + unit - 1).Truncate(unit), consent.MaxLifetimeDays*day)
	return l
}

// commented returns lines as a comment, with an empty line behind it.
func commented(text string) string {
	return "# " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n# ") + "\n\n"
}
