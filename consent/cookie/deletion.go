package cookie

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Variant is one identity under which a browser may keep a cookie of some name.
// A deletion has to name it exactly (RFC 6265bis, section 5.7); Secure, HttpOnly
// and SameSite do not belong to it.
type Variant struct {
	// Domain is the value of the Domain attribute, empty for a host-only cookie.
	Domain string

	// Path begins with "/".
	Path string

	// Partitioned is true for a cookie of the partition of the site itself.
	Partitioned bool
}

// Variants yields the identities that a cookie sent with a request for
// the host (a port is ignored) and path may have, the most likely first: on
// "/" before other paths, host-only and on the registrable domain before other
// domains. The path is the one that the browser sent, escapes included.
//
// Domains are the host itself and its parents up to the registrable domain of
// the public suffix list; none for an address, a public suffix and a host of one
// label, which browsers keep as host-only whatever Domain says. Paths are those
// that path-match (RFC 6265bis, section 5.1.4) and that an attribute can hold.
// Partitioned cookies exist only where the connection is secure.
func Variants(host, path string, secure bool) iter.Seq[Variant] {
	s := newVariants(host, path, secure)
	return func(yield func(Variant) bool) {
		for i := range s.len() {
			if !yield(s.at(i)) {
				return
			}
		}
	}
}

// variants is a list of variants of which only the factors are kept: a long
// path may have tens of thousands.
type variants struct {
	domains    []string
	paths      []string
	partitions int
}

func newVariants(host, path string, secure bool) variants {
	v := variants{domains: domains(host), paths: paths(path), partitions: 1}
	if secure {
		v.partitions = 2
	}
	return v
}

func (v *variants) len() int { return len(v.domains) * len(v.paths) * v.partitions }

// at returns the variant of a rank: those on "/" come first, then the other
// paths without, then with partition.
func (v *variants) at(rank int) Variant {
	paths := v.paths[:1]
	if root := len(v.domains) * v.partitions; rank >= root {
		rank -= root
		paths = v.paths[1:]
	}
	domain, rank := rank%len(v.domains), rank/len(v.domains)
	return Variant{
		Domain:      v.domains[domain],
		Path:        paths[rank%len(paths)],
		Partitioned: rank >= len(paths),
	}
}

// domains returns the values of Domain under which a cookie of the host may be
// kept, "" for host-only first.
func domains(host string) []string {
	list := []string{""}
	host = strings.ToLower(host)
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	// A Host field may hold bytes that would end the attribute.
	if strings.ContainsFunc(host, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
	}) {
		return list
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return list
	}
	registrable, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return list
	}
	list = append(list, registrable)
	for host != registrable {
		list = append(list, host)
		_, host, _ = strings.Cut(host, ".")
	}
	return list
}

// paths returns the values of Path that path-match the path of a request, the
// shortest first.
func paths(path string) []string {
	list := []string{"/"}
	if !strings.HasPrefix(path, "/") {
		return list
	}
	for i := 1; i <= min(len(path), maxAttribute); i++ {
		if c := path[i-1]; c <= ' ' || c == ';' || c == 0x7f {
			break // not without changing the field
		}
		if i == len(path) || path[i] == '/' || path[i-1] == '/' {
			list = append(list, path[:i])
		}
	}
	return slices.Compact(list)
}

// defaultPath returns the path of a cookie without a Path attribute (RFC
// 6265bis, section 5.1.4).
func defaultPath(requestPath string) string {
	if i := strings.LastIndexByte(requestPath, '/'); i > 0 && requestPath[0] == '/' {
		return requestPath[:i]
	}
	return "/"
}

// AppendDeletion appends the shortest Set-Cookie line that deletes the cookie of
// that name and identity in Chromium and Firefox. The name must be one that a
// browser sent ([Pairs]), the identity one of [Variants] or that of a cookie that
// was set ([SetCookie.Variant]).
func AppendDeletion(dst []byte, name string, v Variant) []byte {
	dst = append(dst, name...)
	dst = append(dst, '=')
	if name == "" {
		dst = append(dst, '0') // browsers ignore a line without name and value
	}
	dst = append(dst, ";Max-Age=0;Path="...)
	dst = append(dst, v.Path...)
	if v.Domain != "" {
		dst = append(dst, ";Domain="...)
		dst = append(dst, v.Domain...)
	}
	secure, _, httpOnly := prefix(name)
	if v.Partitioned {
		dst = append(dst, ";Partitioned"...)
	}
	if v.Partitioned || secure {
		dst = append(dst, ";Secure"...)
	}
	if httpOnly {
		dst = append(dst, ";HttpOnly"...)
	}
	return dst
}

// prefix returns what browsers demand of a cookie because of the prefix of its
// name, whatever its case (RFC 6265bis, section 5.4): the attribute Secure, that
// it is host-only with the path "/", and the attribute HttpOnly.
func prefix(name string) (secure, host, httpOnly bool) {
	has := func(p string) bool { return len(name) >= len(p) && equalFold(name[:len(p)], p) }
	host = has("__host-")
	httpOnly = has("__http-") || has("__host-http-")
	return host || httpOnly || has("__secure-"), host, httpOnly
}
