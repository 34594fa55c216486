// Package catalog knows cookies, hosts and storage keys that sites commonly have:
// those of the products that sites are built with, and those of services that pages
// use. It knows nothing of a site. What an operator declares goes before it, and what
// it does not know needs consent.
//
// # Adding an entry
//
// Entries are TOML files: data/products holds what sites are built with, and
// data/services what pages use of others, and trackers that owners run themselves.
// Every file is one field, and its entries are sorted by id. [Product], [Service] and
// [Cookie] say what each key means. The tests read every file as a Caddy does and
// refuse what is misspelled, incomplete, contradictory or never found.
//
//	[[product]]
//	id = "example"
//	name = "Example"
//	source = "https://docs.example.com/cookies"
//	confidence = "high"
//	cookies = [
//		{ name = "example_session", purpose = "session", lifetime = "session" },
//		{ name = "example_<hex:32>", purpose = "log-in", lifetime = "14d" },
//		{ name = "example_seen", category = "statistics", purpose = "audience-measurement" },
//	]
//
// A mistake costs either way: a cookie that is wrongly necessary is set without
// consent, and one that wrongly is not breaks a log-in. So:
//
//   - Necessary are sessions, log-ins, protection against forged requests, carts,
//     languages, load balancing and security. What counts, recognises or profiles
//     visitors is not, although a product of the owner sets it.
//   - A necessary name is exact, or has parts of a known shape, such as "<hex:32>":
//     behind a star a tracker could hide. It is never from memory alone.
//   - A name that anything could bear ("id", "uid", "token") stays out, unless it is
//     one that another host sets for itself: then the entry names the host.
//   - The source is a page that was read: the documentation or source of the product.
//     Facts are taken from such pages and from lists under permissive licences alone,
//     and every sentence is our own.
package catalog
