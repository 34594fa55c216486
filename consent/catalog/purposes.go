package catalog

import "slices"

// purposes are the words for what a cookie or a service is for. The sentence that
// visitors read in place of one is in every language of package banner. One is added
// only where none fits: tools and translations know them all. What it means never
// changes, because visitors are not asked again for another sentence: another meaning
// is another word.
var purposes = []string{
	// of products
	"session", "log-in", "forgery-protection", "cart", "language", "preferences",
	"load-balancing", "security", "consent-choice", "single-sign-on", "messages",

	// of services
	"audience-measurement", "performance-measurement", "error-tracking", "session-recording",
	"ab-testing", "personalisation", "tag-management", "advertising", "ad-measurement",
	"retargeting", "affiliate", "social-media", "video", "audio", "maps", "fonts", "chat",
	"captcha", "payment", "content-delivery", "forms", "reviews", "booking",
	"marketing-automation", "comments", "documents", "log-in-provider", "search",
	"translation", "accessibility", "consent-management",
}

// Purposes returns the words for what a cookie or a service is for, sorted. They may
// stand as purposes in declarations; see [consent.Cookie].
func Purposes() []string { return slices.Sorted(slices.Values(purposes)) }

// isPurpose reports whether a word is one of [Purposes].
func isPurpose(word string) bool { return slices.Contains(purposes, word) }
