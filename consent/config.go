// Package consent decides what a visitor's browser and the application behind
// the proxy may exchange: which cookies, hosts and paths, and later which
// storage keys, belong to which category and whether the visitor agreed.
//
// It knows nothing of HTTP servers. A [Config] is what an operator declared; a
// [Policy] is that declaration checked and compiled; a [Preference] is what one
// visitor chose; a [Decision] is the answer to "may this pass?".
package consent

// The categories that always exist. Operators may give them other titles and
// add categories of their own, but never remove one.
const (
	Necessary  = "necessary"
	Statistics = "statistics"
	FirstParty = "first_party"
	ThirdParty = "third_party"
)

// Limits of a configuration. Everything beyond them fails at load.
const (
	MaxCategories = 16

	// MaxLifetimeDays is the longest lifetime that browsers keep a cookie
	// (RFC 6265bis, section 5.5).
	MaxLifetimeDays = 400
)

// Config is the declaration of an operator, as written.
type Config struct {
	// CookieName is the name of the module's own preference cookie.
	// Default: cookies_preferences.
	CookieName string

	// Revision is a number to raise when visitors have to be asked again
	// although nothing else in the declaration changed.
	Revision int

	// FirstParty lists further hosts of the same owner, such as
	// "static.example.net" or "*.example.net".
	FirstParty []string

	// UnknownCookies is the category of cookies that nobody declared.
	// Default: first_party.
	UnknownCookies string

	// UnknownHosts is the category of other sites' hosts that nobody
	// declared. Default: third_party.
	UnknownHosts string

	// Known are cookies of which it is known what they are for although they are
	// not declared; see [Policy.CookieRule]. The fingerprint does not depend on them.
	// Default: none.
	Known *Known `json:"-"`

	Categories []Category
	Cookies    []Cookie
	Services   []Service
}

// Category is a purpose that visitors agree to or refuse as a whole. A
// category with a built-in name changes that category; any other name adds one.
type Category struct {
	// Name identifies the category: lower-case letters, digits and
	// underscores, beginning with a letter.
	Name string `json:"name"`

	// Title is the short name that visitors read.
	Title Text `json:"title,omitempty"`

	// Description tells visitors in a sentence or two what the category is for.
	Description Text `json:"description,omitempty"`

	// Exempt is the operator's justification for not asking for consent, for
	// instance audience measurement that meets the national conditions. An
	// exempt category is active until the visitor opts out, and its cookies
	// are capped at 13 months.
	Exempt string `json:"exempt,omitempty"`
}

// Cookie declares cookies that share a provider, a purpose and a category.
type Cookie struct {
	// Patterns are cookie names; "*" stands for any run of characters. Names
	// are compared byte by byte, case included (RFC 6265bis, section 5.6).
	Patterns []string `json:"patterns,omitempty"`

	// Category is the name of the category that the cookies belong to.
	Category string `json:"category,omitempty"`

	// Provider is who sets the cookies, as visitors read it.
	Provider string `json:"provider,omitempty"`

	// Function says what the cookies do and where.
	Function Text `json:"function,omitempty"`

	// Purpose says what the cookies are for. A word of the catalog as the text for
	// every language stands for a sentence that there is in each.
	Purpose Text `json:"purpose,omitempty"`

	// Lifetime is how long the browser keeps the cookies. A longer lifetime
	// that the application asks for is cut down to it.
	Lifetime Lifetime `json:"lifetime,omitzero"`

	// Recipients says who else may read the cookies.
	Recipients string `json:"recipients,omitempty"`
}

// Service is a product of one provider that visitors can switch on or off as an
// exception to its category: its cookies, hosts, same-site paths and storage keys.
type Service struct {
	// ID identifies the service: lower-case letters, digits, underscores and hyphens.
	ID string `json:"id"`

	// Category is the name of the category that the service belongs to.
	Category string `json:"category,omitempty"`

	// Provider is who runs the service, as visitors read it.
	Provider string `json:"provider,omitempty"`

	// Purpose says what the service is for, as in [Cookie].
	Purpose Text `json:"purpose,omitempty"`

	// Exempt is the operator's justification for not asking for consent.
	Exempt string `json:"exempt,omitempty"`

	// Cookies are patterns of cookie names, as in [Cookie].
	Cookies []string `json:"cookies,omitempty"`

	// Hosts are host names such as "stats.example.net"; "*.example.net" is
	// every host below it.
	Hosts []string `json:"hosts,omitempty"`

	// Paths are paths of the site itself that the service answers, such as
	// "/matomo/*".
	Paths []string `json:"paths,omitempty"`

	// Storage are patterns of Web Storage keys, "*" as in cookie names.
	Storage []string `json:"storage,omitempty"`

	// Inline are texts by which scripts within pages are known to belong to the
	// service: those that hold one of them in their first 16 KB.
	Inline []string `json:"inline,omitempty"`

	// Policy is the address of the provider's privacy policy.
	Policy string `json:"policy,omitempty"`
}
