package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// view is a report as the template shows it.
type view struct {
	*Report
	Todo  []todo
	Sites []siteView
}

// todo is something to do.
type todo struct {
	Urgent bool
	Site   string // "" where it concerns all of them
	Text   string
	Link   string // the id of the part of the page that says more
	Which  string // part that is
}

// siteView is a site as the template shows it.
type siteView struct {
	*Site
	ID    string
	Since time.Time // since when there is something known
	made  time.Time

	Choices            *chart
	Shares             []share
	Cookies            list
	Hosts              list
	BlockedCookies     *chart
	BlockedContacts    *chart
	AnyChoice, Blocked bool
}

// settled is how old an inventory is of which it says something that a thing is not in it.
const settled = 14 * 24 * time.Hour

// list is a part of the inventory.
type list struct {
	ID     string
	Groups []group
}

// group is what is of one status.
type group struct {
	Status Status
	Title  string
	Note   string
	Items  []Item
	More   int // that the page does not list
}

// maxListed bounds the items of a group that the page lists.
const maxListed = 500

// Empty reports whether nothing was seen.
func (l list) Empty() bool { return len(l.Groups) == 0 }

// of returns the items of some statuses, and how many there are.
func (l list) of(statuses ...Status) (items []Item, n int) {
	for _, g := range l.Groups {
		if slices.Contains(statuses, g.Status) {
			items = append(items, g.Items...)
			n += g.All()
		}
	}
	return items, n
}

// All returns how many there are.
func (g group) All() int { return len(g.Items) + g.More }

func newView(r *Report) *view {
	v := &view{Report: r}
	if r.LedgerProblem != "" {
		v.Todo = append(v.Todo, todo{
			Urgent: true,
			Text:   "Visitors cannot agree at the moment, because no proof of it can be kept: " + r.LedgerProblem + ". Refusals count all the same.",
		})
	}
	for i := range r.Sites {
		s := newSiteView(&r.Sites[i], r.Made, fmt.Sprintf("site-%d", i+1))
		v.Sites = append(v.Sites, s)
		v.Todo = append(v.Todo, s.todo()...)
	}
	slices.SortStableFunc(v.Todo, func(a, b todo) int {
		switch {
		case a.Urgent == b.Urgent:
			return 0
		case a.Urgent:
			return -1
		}
		return 1
	})
	return v
}

func newSiteView(s *Site, made time.Time, id string) siteView {
	v := siteView{Site: s, ID: id, Since: made, made: made}
	for _, items := range [][]Item{s.Cookies, s.Hosts} {
		for _, item := range items {
			if item.First.Before(v.Since) {
				v.Since = item.First
			}
		}
	}
	if len(s.Days) > 0 {
		if first, err := time.Parse(time.DateOnly, s.Days[0].Date); err == nil && first.Before(v.Since) {
			v.Since = first
		}
	}
	keptCookies, keptHosts := "Kept from visitors' browsers until they agree.", "Kept from pages until the visitor agrees."
	if s.Observes || !s.Declared {
		keptCookies, keptHosts = "", ""
	}
	v.Cookies = list{id + "-cookies", groups(s.Cookies, [...]group{
		{Title: "Known to nobody", Note: strings.TrimSpace(keptCookies + " Somebody has to say what they are for.")},
		{Title: "Perhaps known", Note: "The name is too common to be sure. Look whether it is what it seems to be."},
		{Title: "Known, but not declared", Note: "The module knows what they are. Your cookies policy does not name them yet."},
		{Title: "Declared"},
	})}
	v.Hosts = list{id + "-hosts", groups(s.Hosts, [...]group{
		{Title: "Known to nobody", Note: strings.TrimSpace(keptHosts + " Somebody has to say who answers there.")},
		{Title: "Perhaps known"},
		{Title: "Known, but not declared", Note: "The module knows who answers there. Your cookies policy does not name them yet."},
		{Title: "Declared"},
	})}
	periods := periodsOf(s.Days, made)
	v.Choices, v.Shares = choicesOf(s.Days, periods), sharesOf(s.Days)
	v.AnyChoice = v.Choices.Total > 0
	v.BlockedCookies, v.BlockedContacts = blockedOf(s, periods)
	v.Blocked = v.BlockedCookies.Total+v.BlockedContacts.Total > 0
	return v
}

// groups returns items by status, the most frequent of each first.
func groups(items []Item, titles [4]group) (found []group) {
	for status, g := range titles {
		g.Status = Status(status) //nolint:gosec // one of four
		for _, item := range items {
			if item.Status == g.Status {
				g.Items = append(g.Items, item)
			}
		}
		slices.SortStableFunc(g.Items, func(a, b Item) int {
			if a.Login != b.Login {
				if a.Login {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
		})
		if g.More = len(g.Items) - maxListed; g.More > 0 {
			g.Items = g.Items[:maxListed]
		}
		g.More = max(g.More, 0)
		if len(g.Items) > 0 {
			found = append(found, g)
		}
	}
	return found
}

// todo returns what is to be done about the site, in the order of its weight.
func (v *siteView) todo() (all []todo) {
	which := map[string]string{
		"": "", v.Cookies.ID: "See the cookies", v.Hosts.ID: "See the hosts", v.ID + "-findings": "See what is doubtful", v.ID + "-unseen": "See what was never seen",
	}
	say := func(urgent bool, link, format string, arguments ...any) {
		all = append(all, todo{urgent, v.Name, fmt.Sprintf(format, arguments...), link, which[link]})
	}
	if !v.Declared && len(v.Site.Cookies)+len(v.Site.Hosts) > 0 {
		say(false, v.Cookies.ID, "No declarations of this site were found: the report knows neither its cookies policy nor its mode.")
	} else if v.Observes {
		say(true, "", "The site only observes: cookies and content of others reach every visitor, asked or not. Declare what is listed, then remove the line “mode observe”.")
	}
	cookies, unknownCookies := v.Cookies.of(Unknown, Guessed)
	_, unknownHosts := v.Hosts.of(Unknown, Guessed)
	_, knownCookies := v.Cookies.of(Known)
	_, knownHosts := v.Hosts.of(Known)
	logins := 0
	for _, c := range cookies {
		if c.Login && !c.Necessary {
			logins++
		}
	}
	if logins > 0 {
		consequence := "log-ins do not work until it is declared as necessary"
		if v.Observes {
			consequence = "declare it as necessary, or log-ins stop working when the site no longer only observes"
		}
		say(true, v.Cookies.ID, "%s like what keeps visitors logged in, and nobody declared %s. If it is that, %s.",
			plural(logins, "cookie looks", "cookies look"), oneOf(logins, "it", "them"), consequence)
	}
	if n := unknownCookies; n > 0 {
		say(false, v.Cookies.ID, "%s known to nobody for sure. Find out what %s for, and declare %s.",
			plural(n, "cookie is", "cookies are"), oneOf(n, "it is", "they are"), oneOf(n, "it", "them"))
	}
	if n := unknownHosts; n > 0 {
		say(false, v.Hosts.ID, "%s known to nobody. Find out who answers there: pages may miss something, or should not ask there at all.",
			plural(n, "host of others is", "hosts of others are"))
	}
	if n := knownCookies + knownHosts; n > 0 {
		say(false, v.Cookies.ID, "%s that the module knows %s missing from your cookies policy. Copy the lines below into the Caddyfile.",
			plural(n, "cookie or host", "cookies and hosts"), oneOf(n, "is", "are"))
	}
	if n := len(v.Findings); n > 0 {
		say(false, v.ID+"-findings", "%s in the declarations.", plural(n, "thing is doubtful", "things are doubtful"))
	}
	if n := len(v.Unseen); n > 0 && v.made.Sub(v.Since) >= settled {
		say(false, v.ID+"-unseen", "%s that %s never seen since %s. A cookies policy should not promise what there is not.",
			plural(n, "declaration names something", "declarations name something"), oneOf(n, "was", "were"), v.Since.UTC().Format("2 January 2006"))
	}
	if v.Unlisted > 0 {
		say(false, "", "There was no room for further names, which were seen %s. Somebody may be making them up.", times(v.Unlisted))
	}
	return all
}

// plural returns a number with its noun.
func plural(n int, one, many string) string {
	return number(uint64(n)) + " " + oneOf(n, one, many) //nolint:gosec // lengths
}

func oneOf(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// number writes a number with a thin space between thousands.
func number(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// times says how often something happened.
func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return number(n) + " times"
}
