package catalog

import "slices"

// productPurposes and servicePurposes are the words for what a cookie or a service
// is for. One is added only where none fits: tools and translations know them all.
var (
	productPurposes = []string{
		"session", "log-in", "forgery-protection", "cart", "language", "preferences",
		"load-balancing", "security", "consent-choice", "single-sign-on", "messages",
	}
	servicePurposes = []string{
		"audience-measurement", "performance-measurement", "error-tracking",
		"session-recording", "ab-testing", "personalisation", "tag-management",
		"advertising", "ad-measurement", "retargeting", "affiliate", "social-media",
		"video", "audio", "maps", "fonts", "chat", "captcha", "payment",
		"content-delivery", "forms", "reviews", "booking", "marketing-automation",
		"comments", "documents", "log-in-provider", "search", "translation",
		"accessibility", "consent-management",
	}
	// purposes are all of them: a cookie of a product may be one that a service
	// would have, and the other way round.
	purposes = slices.Concat(productPurposes, servicePurposes)
)
