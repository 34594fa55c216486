package audit

import (
	"strings"
	"time"
	"unicode"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Version is the version of the JSON form of a [Report]. Fields may join it; none
// changes its meaning.
const Version = 1

// Report is what an audit found. Nothing in it is a value of a cookie, and everything
// that a site could choose is made printable.
type Report struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	Sites   []*Site   `json:"sites"`

	// Limits are sentences about what an audit like this can't see.
	Limits []string `json:"limits"`
}

// NewReport returns the report about sites.
func NewReport(made time.Time, sites []*Site) *Report {
	return &Report{Version: Version, Made: made.UTC().Truncate(time.Second), Sites: sites, Limits: limits}
}

// limits are what a client that is no browser can't see.
var limits = []string{
	"Nothing but pages was asked for. Cookies that come with images, scripts, style sheets, frames or data are not seen.",
	"Scripts do not run: cookies and storage that they write, what they load, and banners that they build are not seen.",
	"Whom a page makes browsers contact is read from its markup, its own style sheets and its headers; what others answer, or what separate style sheets name, is not.",
	"How a banner looks is not judged: size, contrast and position of its buttons, words, and use by keyboard.",
	"Only the pages listed were visited, logged in nowhere. What the site does on its server with what it receives can't be seen from outside.",
	"Categories come from the site's declaration and a catalog of known names. Whether something is necessary is a legal question that no program answers.",
}

// Site is what was found at a start address.
type Site struct {
	// Address is the start address, and Host where its redirects ended.
	Address string `json:"address"`
	Host    string `json:"host"`

	// Module says what the site tells of itself if it uses cookie_consent.
	Module *Module `json:"module,omitempty"`

	Rounds   []*Round   `json:"rounds"`
	Findings []*Finding `json:"findings"`

	// Remarks say what could not be done, or how what was found is to be read.
	Remarks []string `json:"remarks"`

	// Incomplete says why something that should have been visited was not; "" if all was.
	Incomplete string `json:"incomplete,omitempty"`
}

// Module is what a site that uses cookie_consent says of itself.
type Module struct {
	Prefix        string `json:"prefix"`
	Fingerprint   string `json:"fingerprint"`
	Controller    string `json:"controller"`
	PrivacyPolicy string `json:"privacy_policy"`
	Declared      int    `json:"declared"` // cookies and services
}

// RoundName says in which state of consent pages were visited.
type RoundName string

// The rounds. Withdrawn goes on with the cookies of Accepted; the others begin with none.
const (
	NoChoice  RoundName = "no_choice"
	Rejected  RoundName = "rejected"
	Accepted  RoundName = "accepted"
	Withdrawn RoundName = "withdrawn"
)

// Words returns the round in words.
func (r RoundName) Words() string {
	return map[RoundName]string{
		NoChoice: "before a choice", Rejected: "after a refusal", Accepted: "after agreement", Withdrawn: "after withdrawal",
	}[r]
}

// Round is what was seen in one state of consent.
type Round struct {
	Name     RoundName `json:"name"`
	Requests int       `json:"requests"`
	Pages    []*Page   `json:"pages"`
	Cookies  []*Cookie `json:"cookies"`
	Hosts    []*Host   `json:"hosts"`

	// Kept are the names of cookies that need consent and that a browser still has at
	// the end of the round, and Expired those that were deleted in it.
	Kept    []string `json:"kept"`
	Expired []string `json:"expired"`
}

// Page is an address that was visited.
type Page struct {
	Address   string   `json:"address"`
	Status    int      `json:"status"`              // 0 without an answer
	Redirects []string `json:"redirects,omitempty"` // addresses on the way, the last one where it ended
	NotTaken  string   `json:"not_taken,omitempty"` // a redirect elsewhere
	HTML      bool     `json:"html"`
	Problem   string   `json:"problem,omitempty"`
}

// Class is how something is classified.
type Class struct {
	// Category is a category of package consent, or one that the site added.
	Category string `json:"category"`

	// By is "declared", "catalog: <name>", "perhaps <name>" or "unknown".
	By string `json:"by"`

	// Allowed is whether it may be there in this round.
	Allowed bool `json:"allowed"`
}

// Cookie is a cookie that was set.
type Cookie struct {
	Name string `json:"name"`
	Class
	Domain      string `json:"domain"`
	HostOnly    bool   `json:"host_only"`
	Path        string `json:"path"`
	Secure      bool   `json:"secure"`
	HTTPOnly    bool   `json:"http_only"`
	SameSite    string `json:"same_site,omitempty"`
	Partitioned bool   `json:"partitioned,omitempty"`
	Lifetime    string `json:"lifetime"` // as in a Caddyfile: "session", "365d"
	SetBy       string `json:"set_by"`   // the first address
	Times       int    `json:"times"`

	seconds  time.Duration // 0 for the browser session
	declared consent.Lifetime
	raw      string // the name as it is
	answer   bool   // the answer to the choice set it
}

// Host is somebody else whom pages make browsers contact.
type Host struct {
	Host string `json:"host"` // or the name of a service whose script stands in pages
	Class
	Where string `json:"where"` // "markup", "style", "header" or "script"
	On    string `json:"on"`    // the first address
	Times int    `json:"times"`
}

// Finding is something that does not meet a requirement.
type Finding struct {
	// Rule is one of the ids of [Rules].
	Rule  string    `json:"rule"`
	Round RoundName `json:"round,omitempty"`

	// Subject is the cookie, host or service that it is about; "" for a whole site.
	Subject string `json:"subject,omitempty"`

	// Says says what was found, Requires what is asked for and by what.
	Says     string `json:"says"`
	Requires string `json:"requires"`

	// Pages are addresses where it was found, at most five, and Count how many there were.
	Pages []string `json:"pages,omitempty"`
	Count int      `json:"count"`
}

// maxPrintable bounds texts of strangers, in characters.
const maxPrintable = 300

// printable returns a text of strangers as it may stand on a terminal: without control
// characters, those that change the direction of text, and invalid bytes.
func printable(s string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		switch n++; {
		case n > maxPrintable:
			return -1
		case n == maxPrintable:
			return '…'
		case !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, s)
}
