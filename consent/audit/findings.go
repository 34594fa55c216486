package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

const (
	day       = 24 * time.Hour
	longest   = 395 * day // 13 months
	sixMonths = 180 * day
	maxPages  = 5 // that a finding names
)

// find adds a finding, or another page to one that there is.
func (s *Site) find(rule string, round RoundName, subject, page, format string, args ...any) {
	i := slices.IndexFunc(s.Findings, func(f *Finding) bool { return f.Rule == rule && f.Round == round && f.Subject == subject })
	if i < 0 {
		r, _ := ruleOf(rule)
		s.Findings = append(s.Findings, &Finding{Rule: rule, Round: round, Subject: subject, Says: fmt.Sprintf(format, args...), Requires: r.Requires})
		i = len(s.Findings) - 1
	}
	f := s.Findings[i]
	f.Count++
	if page != "" && len(f.Pages) < maxPages && !slices.Contains(f.Pages, page) {
		f.Pages = append(f.Pages, page)
	}
}

// judge adds what follows from all rounds, and puts the findings in order.
func (s *Site) judge(c *classifier) {
	for _, round := range s.Rounds {
		for _, cookie := range round.Cookies {
			s.judgeCookie(round.Name, cookie)
		}
		for _, host := range round.Hosts {
			s.judgeHost(round.Name, host)
		}
		if round.Name == Withdrawn {
			for _, name := range round.Kept {
				class, _ := c.cookie(Withdrawn, name)
				s.find("cookie-kept", Withdrawn, printable(name), "", "%s is still there at the end of the round, on %d pages. %s", printable(name), len(round.Pages), describe(class))
			}
		}
		for i := range round.Kept {
			round.Kept[i] = printable(round.Kept[i])
		}
	}
	s.judgeChoice()
	if m := s.Module; m != nil {
		if m.Controller == "" {
			s.find("no-controller", "", "", "", "The cookies policy names nobody.")
		}
		if m.PrivacyPolicy == "" {
			s.find("no-privacy-policy", "", "", "", "There is no link to a privacy policy.")
		}
	}
	slices.SortStableFunc(s.Findings, func(a, b *Finding) int {
		_, i := ruleOf(a.Rule)
		_, j := ruleOf(b.Rule)
		return cmp.Or(cmp.Compare(i, j), cmp.Compare(a.Subject, b.Subject))
	})
}

// suffixes are the ends of the ids of rules about a round.
var suffixes = map[RoundName]string{NoChoice: "before-choice", Rejected: "after-refusal", Withdrawn: "after-withdrawal"}

func (s *Site) judgeCookie(round RoundName, c *Cookie) {
	if !c.Allowed {
		if suffix := suffixes[round]; suffix != "" {
			s.find("cookie-"+suffix, round, c.Name, c.SetBy, "%s is set, for %s. %s", c.Name, lifetimeWords(c.Lifetime), describe(c.Class))
		}
	}
	if c.Category != consent.Necessary && c.seconds > longest {
		s.find("long-lifetime", "", c.Name, c.SetBy, "%s is kept for %s. %s", c.Name, lifetimeWords(c.Lifetime), describe(c.Class))
	}
	if !c.declared.IsZero() && c.seconds > c.declared.Duration+time.Minute {
		s.find("longer-than-declared", "", c.Name, c.SetBy, "%s is kept for %s, and declared with %s.", c.Name, lifetimeWords(c.Lifetime), lifetimeWords(c.declared.String()))
	}
	if s.Module != nil && round == Accepted && c.By != "declared" && c.Category != consent.Necessary {
		s.find("undeclared-cookie", "", c.Name, c.SetBy, "%s is set after agreement, and not declared. %s", c.Name, describe(c.Class))
	}
}

func (s *Site) judgeHost(round RoundName, h *Host) {
	if suffix := suffixes[round]; suffix != "" && !h.Allowed {
		s.find("contact-"+suffix, round, h.Host, h.On, places[h.Where]+" %s", h.Host, describe(h.Class))
	}
	if s.Module != nil && round == Accepted && h.By != "declared" {
		s.find("undeclared-host", "", h.Host, h.On, "%s is contacted after agreement, and not declared. %s", h.Host, describe(h.Class))
	}
}

// places say where somebody was named.
var places = map[string]string{
	"markup": "Pages load something from %s.",
	"style":  "A style sheet within pages loads something from %s.",
	"header": "A header makes browsers contact %s.",
	"script": "A script within pages loads %s.",
}

// describe says how something is classified, in a sentence.
func describe(c Class) string {
	switch c.By {
	case "declared":
		return "It is declared as " + printable(c.Category) + "."
	case "unknown":
		return "It is not known, and counts as " + printable(c.Category) + ": who says that it is necessary has to show it."
	}
	return "It counts as " + printable(c.Category) + " (" + printable(c.By) + ")."
}

func lifetimeWords(lifetime string) string {
	if lifetime == "session" {
		return "the browser session"
	}
	return lifetime
}

// judgeChoice looks at the cookies that keep the choice.
func (s *Site) judgeChoice() {
	kept := map[RoundName]time.Duration{}
	there := map[RoundName]bool{}
	for _, round := range s.Rounds {
		for _, c := range round.Cookies {
			if !c.answer || c.Category != consent.Necessary {
				continue
			}
			kept[round.Name], there[round.Name] = max(kept[round.Name], c.seconds), true
			if c.seconds > longest {
				s.find("choice-kept-long", "", c.Name, "", "%s, which keeps the choice, is kept for %s.", c.Name, c.Lifetime)
			}
		}
	}
	if there[Rejected] && there[Accepted] {
		if r, a := kept[Rejected], kept[Accepted]; r < a-time.Minute {
			s.find("refusal-forgotten", "", "", "", "A refusal is kept for %d days, agreement for %d.", r/day, a/day)
		} else if r < sixMonths {
			s.find("refusal-forgotten", "", "", "", "A refusal is kept for %d days.", r/day)
		}
	}
}
