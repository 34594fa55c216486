// Package inventory notes what passes a site: cookies by name, with their attributes
// and where they come from, and hosts of others that pages contact. It never holds a
// value of a cookie, nor anything that tells one visitor from another: parts of names,
// hosts and paths that look random are replaced before anything is kept.
//
// # Bounds
//
// Names come from anywhere, so that what is kept of them is bounded. For each of 64
// sites there is room for 128 cookies that the site sets, 128 that are only sent, 256
// hosts in pages and 256 that only reports name: what clients make up takes no room from
// what the application shows. Where 16 names differ in their last part alone, the 17th
// makes one of them, "prefix_*". Once there is no room, a new name takes the place of
// the rarest that was not seen for an hour, and if there is none it is only counted.
// Sites beyond the bound are one, [Others].
//
// What is looked up most, the names seen before, costs neither a lock nor an
// allocation.
//
// # Days
//
// Choices and what is kept back are counted by day: of each site 400 days, with 8
// languages and 24 categories each and one name, [Others], for all beyond.
package inventory
