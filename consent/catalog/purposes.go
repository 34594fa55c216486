package catalog

import (
	"maps"
	"slices"
)

// purposes are the words for what a cookie or a service is for, and what visitors can
// be told of each. One is added only where none fits: tools and translations know them
// all.
var purposes = map[string]string{
	// of products
	"session":            "Keeps together the requests of one visit.",
	"log-in":             "Keeps you logged in.",
	"forgery-protection": "Protects forms against forged requests.",
	"cart":               "Keeps what you put into the cart.",
	"language":           "Remembers your language.",
	"preferences":        "Remembers how you set up the site.",
	"load-balancing":     "Leads your requests to the same server.",
	"security":           "Protects the site against attacks.",
	"consent-choice":     "Remembers what you agreed to.",
	"single-sign-on":     "Logs you in to several sites at once.",
	"messages":           "Shows you a message on the next page.",

	// of services
	"audience-measurement":    "Measures how visitors use the site.",
	"performance-measurement": "Measures how fast the site is.",
	"error-tracking":          "Reports errors of the site to its makers.",
	"session-recording":       "Records what visitors do on pages.",
	"ab-testing":              "Compares versions of a page.",
	"personalisation":         "Fits content to what you looked at before.",
	"tag-management":          "Loads the other services of a page.",
	"advertising":             "Shows advertisements by what you are interested in.",
	"ad-measurement":          "Measures what advertisements lead to.",
	"retargeting":             "Shows you advertisements for what you looked at here on other sites.",
	"affiliate":               "Tells which partner sent you, who is paid for it.",
	"social-media":            "Shows and shares posts of a social network.",
	"video":                   "Plays videos.",
	"audio":                   "Plays sound.",
	"maps":                    "Shows maps.",
	"fonts":                   "Provides fonts.",
	"chat":                    "Lets you chat with the site's staff.",
	"captcha":                 "Tells people from programs.",
	"payment":                 "Handles payments.",
	"content-delivery":        "Delivers files that pages consist of.",
	"forms":                   "Provides forms and surveys.",
	"reviews":                 "Shows ratings and reviews.",
	"booking":                 "Lets you book appointments and tables.",
	"marketing-automation":    "Connects your visits with messages that are sent to you.",
	"comments":                "Lets you read and write comments.",
	"documents":               "Shows documents.",
	"log-in-provider":         "Lets you log in with an account of another site.",
	"search":                  "Searches the site.",
	"translation":             "Translates pages.",
	"accessibility":           "Makes pages easier to read and to use.",
	"consent-management":      "Asks for consent and remembers the answer.",
}

// Purposes returns the words for what a cookie or a service is for.
func Purposes() []string { return slices.Sorted(maps.Keys(purposes)) }

// Purpose returns a sentence for visitors, in English, that says what a word of
// [Purposes] means; "" for any other word.
func Purpose(word string) string { return purposes[word] }
