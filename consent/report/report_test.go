package report

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	xhtml "golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

var made = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// render returns the page and the text of it, without markup.
func render(t testing.TB, r *Report) (page, text string) {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	z := xhtml.NewTokenizer(strings.NewReader(b.String()))
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return b.String(), strings.Join(strings.Fields(words.String()), " ")
		case xhtml.TextToken:
			words.Write(z.Text())
			words.WriteByte(' ')
		default:
		}
	}
}

func day(date string, choices map[string]map[string]uint64, blocked map[string]inventory.Blocked) inventory.Day {
	return inventory.Day{Date: date, Choices: choices, Blocked: blocked}
}

func example() *Report {
	item := func(name string, status Status, count uint64) Item {
		return Item{Name: name, Status: status, Category: "statistics", What: "Set by the application.", First: made.AddDate(0, -1, 0), Last: made, Count: count}
	}
	login := item("login", Unknown, 1)
	login.Login, login.Lines = true, "# cookie login {\n# \tcategory <necessary>\n# }"
	return &Report{Made: made, Version: "v1.2.3", LedgerProblem: "the disk is full", Sites: []Site{
		{
			Name: "www.example.test", Declared: true, Categories: []string{"necessary", "statistics"},
			Cookies: []Item{item("declared", Declared, 99), item("common", Guessed, 3), item("known", Known, 4), item("odd", Unknown, 5), login},
			Hosts:   []Item{item("cdn.example.net", Unknown, 2)},
			Days: []inventory.Day{
				day("2026-03-01", map[string]map[string]uint64{"accept_all": {"en": 6, "de": 1}, "reject_all": {"en": 3}, "withdraw": {"en": 1}}, nil),
				day("2026-03-03", map[string]map[string]uint64{"save": {"*": 2}, "placeholder": {"en": 1}}, map[string]inventory.Blocked{
					"statistics": {Dropped: 1234, Stripped: 1}, "*": {Contacts: 7},
				}),
			},
			Findings: []string{"the cookie _ga is declared necessary, but it belongs to Google Analytics"},
			Unseen:   []Unseen{{"service", "matomo", "Matomo"}},
			Unlisted: 3,
		},
		{Name: "blog.example.test", Declared: true, Observes: true, Cookies: []Item{item("a", Declared, 1)}},
		{Name: "other.example.test", Cookies: []Item{item("a", Unknown, 1)}},
	}}
}

func TestReport(t *testing.T) {
	_, text := render(t, example())
	at := 0
	for _, want := range []string{
		"Report of 31 March 2026, 12:00 UTC, by Caddy Cookie Consent v1.2.3.",
		"What to do first",
		"Now Visitors cannot agree at the moment, because no proof of it can be kept: the disk is full.",
		"Now www.example.test: 1 cookie looks like what keeps visitors logged in",
		"Now blog.example.test: The site only observes",
		"www.example.test: 3 cookies are known to nobody for sure.",
		"1 host of others is known to nobody.",
		"1 cookie or host that the module knows is missing from your cookies policy.",
		"1 thing is doubtful in the declarations.",
		"1 declaration names something that was never seen since 1 March 2026.",
		"There was no room for further names, which were seen 3 times.",
		"other.example.test: No declarations of this site were found",
		"Enforces: what visitors did not agree to is kept back. Known since 1 March 2026.",
		"14 choices.",
		"Agreed to everything: 7", "Agreed to a part: 2", "Allowed blocked content: 1", "Refused everything: 3", "Took everything back: 1",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("no %q in\n%s", want, text[at:])
		}
		at += i
	}
	for _, want := range []string{
		"1 Mar 2026 7 0 0 3 1 11", "2 Mar 2026 0 0 0 0 0 0", "3 Mar 2026 0 2 1 0 0 3", // a line of each day
		"en 11 55 % 9 % 36 %", "de 1 100 % 0 % 0 %", "other languages 2 0 % 100 % 0 %", "all 14 50 % 21 % 29 %",
		"statistics: 1 235", "other categories: 7",
		"Known to nobody (2) Kept from visitors' browsers until they agree. Somebody has to say what they are for.",
		"service matomo (Matomo)", "Only observes: nothing is kept back", "Without declarations",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	// Within a status the likely log-in comes first, and those nobody knows before all.
	order := regexp.MustCompile(`\b(login|odd|common|known|declared) `)
	var names []string
	for _, found := range order.FindAllStringSubmatch(text[strings.Index(text, "Known to nobody"):strings.Index(text, "Hosts of others")], -1) {
		if !slices.Contains(names, found[1]) {
			names = append(names, found[1])
		}
	}
	if i := slices.Index(names, "login"); i < 0 || slices.Index(names, "odd") < i || slices.Index(names, "odd") > slices.Index(names, "common") {
		t.Errorf("order %q", names)
	}
}

// With nothing to say the page says so.
func TestReportOfNothing(t *testing.T) {
	if _, text := render(t, &Report{Made: made}); !strings.Contains(text, "Nothing was seen yet.") {
		t.Error(text)
	}
	r := &Report{Made: made, Sites: []Site{{Name: "www.example.test", Declared: true, Cookies: []Item{{Name: "a", Status: Declared, First: made, Last: made}}}}}
	if _, text := render(t, r); !strings.Contains(text, "Nothing: everything that was seen is declared") || !strings.Contains(text, "Nobody has chosen yet.") {
		t.Error(text)
	}
	// An inventory that has only begun says nothing about what it has not seen.
	r.Sites[0].Unseen = []Unseen{{"cookie", "b", ""}}
	if _, text := render(t, r); !strings.Contains(text, "Declared, but never seen") || strings.Contains(text, "never seen since") {
		t.Error(text)
	}
}

// Headings go down a level at a time, every table has a caption and heads, the style sheet
// is the one that the policy admits, and nothing is loaded or run.
func TestPage(t *testing.T) {
	page, _ := render(t, example())
	level, tables := 0, 0
	doc, err := xhtml.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	var links []string
	for n := range doc.Descendants() {
		if n.Type != xhtml.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id" && ids[a.Val]:
				t.Errorf("two elements have the id %q", a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "href":
				links = append(links, a.Val)
			case a.Key == "style", a.Key == "src", strings.HasPrefix(a.Key, "on"):
				t.Errorf("attribute %s=%q", a.Key, a.Val)
			}
		}
		switch n.Data {
		case "h1", "h2", "h3", "h4":
			if next := int(n.Data[1] - '0'); next > level+1 {
				t.Errorf("%s after h%d", n.Data, level)
			} else {
				level = next
			}
		case "table":
			tables++
			if first := n.FirstChild.NextSibling; first == nil || first.Data != "caption" {
				t.Error("a table without a caption")
			}
		case "th":
			if !slices.ContainsFunc(n.Attr, func(a xhtml.Attribute) bool { return a.Key == "scope" }) {
				t.Error("th without scope")
			}
		case "script", "link", "img", "iframe", "form", "base":
			t.Errorf("there is <%s>", n.Data)
		}
	}
	for _, link := range links {
		if !strings.HasPrefix(link, "#") || !ids[link[1:]] {
			t.Errorf("a link to %q", link)
		}
	}
	if tables < 8 || len(links) < 8 {
		t.Errorf("%d tables, %d links", tables, len(links))
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	sum := sha256.Sum256([]byte(style[1]))
	digest := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	declared := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatch(page)
	if !strings.Contains(Policy(), digest) || !strings.HasPrefix(Policy(), html.UnescapeString(declared[1])) {
		t.Errorf("the style sheet has %s, the policy is %s, that of the page %s", digest, Policy(), declared[1])
	}
}

// What strangers make up is text, wherever it stands.
func TestHostileNames(t *testing.T) {
	const evil = `</pre></style><script>alert(1)</script><img src=x onerror=alert(1)>"'` + "`{}\u202e"
	r := &Report{Made: made, Version: evil, LedgerProblem: evil, Sites: []Site{{
		Name: evil, Declared: true, Categories: []string{evil}, Findings: []string{evil}, Unseen: []Unseen{{evil, evil, evil}},
		Cookies: []Item{{Name: evil, Who: evil, Category: evil, What: evil, Lines: evil, First: made, Last: made}},
		Hosts:   []Item{{Name: evil, Who: evil, Category: evil, What: evil, Lines: evil, First: made, Last: made}},
		Days: []inventory.Day{
			day(evil, map[string]map[string]uint64{"save": {evil: 1}}, map[string]inventory.Blocked{evil: {Dropped: 1, Contacts: 1}}),
			day("2026-03-03", map[string]map[string]uint64{"save": {evil: 1}, evil: {evil: 1}}, map[string]inventory.Blocked{evil: {Dropped: 1, Contacts: 1}}),
		},
	}, {Name: evil}}}
	for range 2 {
		page, text := render(t, r)
		if strings.Contains(page, "<script") || strings.Contains(page, "<img") || strings.Count(page, "</style>") != 1 {
			t.Error("markup of a stranger")
		}
		if strings.Count(text, "alert(1)") < 10 {
			t.Errorf("it is not shown: %s", text)
		}
		r.Sites[0].Days = r.Sites[0].Days[1:]
	}
}

func TestPeriods(t *testing.T) {
	for _, test := range []struct {
		first, unit, firstLabel, lastLabel string
		n                                  int
	}{
		{"2026-03-31", "day", "31 Mar 2026", "31 Mar 2026", 1},
		{"2026-02-20", "day", "20 Feb 2026", "31 Mar 2026", 40},
		{"2026-02-15", "week", "9 Feb 2026", "30 Mar 2026", 8},
		{"2025-02-25", "month", "Feb 2025", "Mar 2026", 14},
		{"2026-04-02", "day", "2 Apr 2026", "2 Apr 2026", 1}, // a clock that is ahead
	} {
		s := periodsOf([]inventory.Day{{Date: test.first}}, made)
		if s.unit != test.unit || len(s.all) != test.n || s.all[0].label != test.firstLabel || s.all[len(s.all)-1].label != test.lastLabel {
			t.Errorf("%s: %+v", test.first, s)
		}
		c := newChart([]inventory.Day{{Date: test.first}}, s, []series{{Name: "a"}}, func(_ *inventory.Day, values []uint64) { values[0]++ })
		if c.Total != 1 || c.Periods[0].Values[0] != 1 || c.Most != 2 {
			t.Errorf("%s: %+v", test.first, c)
		}
	}
	for n, want := range map[uint64]uint64{0: 2, 1: 2, 2: 2, 3: 4, 5: 10, 11: 20, 41: 100, 100: 100, 101: 200} {
		if got := roundUp(n); got != want {
			t.Errorf("%d is rounded up to %d", n, got)
		}
	}
}

// A page stays one that a browser shows, however much there is.
func TestLongLists(t *testing.T) {
	site := Site{Name: "www.example.test", Declared: true}
	for i := range maxListed + 7 {
		site.Hosts = append(site.Hosts, Item{Name: "h" + number(uint64(i)), First: made, Last: made})
	}
	_, text := render(t, &Report{Made: made, Sites: []Site{site}})
	for _, want := range []string{"Known to nobody (507)", "And 7 more:", "507 hosts of others are known to nobody."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}
