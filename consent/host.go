package consent

import (
	"math"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

// MaxHost is the length of the longest host that there is, in bytes (RFC 1035,
// section 2.3.4). What a request names as its host can be a thousand times as long.
const MaxHost = 253

// normalizeHost checks a host pattern, "host" or "*.host", and returns it in
// ASCII (RFC 5891 A-labels). Its problem is what is wrong with it, "" if nothing.
func normalizeHost(s string) (host, problem string) {
	const form = `is not a host such as "stats.example.net" or "*.example.net", in lower case, without scheme, port and path`
	rest, wildcard := strings.CutPrefix(s, "*.")
	labels := strings.Split(rest, ".")
	for i, label := range labels {
		ascii, ok := normalizeLabel(label)
		if !ok {
			return "", form
		}
		labels[i] = ascii
	}
	host = strings.Join(labels, ".")
	if len(host) > MaxHost {
		return "", "is longer than the 253 characters that a host name may have"
	}
	if isNumeric(labels[len(labels)-1]) {
		// Browsers read such a host as an IPv4 address or not at all.
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is4() || wildcard {
			return "", form
		}
		return host, ""
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	if suffix == host && (icann || strings.Contains(suffix, ".")) {
		return "", "is a public suffix, under which anybody can register: name the host below it"
	}
	if wildcard {
		host = "*." + host
	}
	return host, ""
}

// normalizeLabel returns a label of a host name in ASCII and whether it is one.
func normalizeLabel(label string) (string, bool) {
	ascii := true
	for _, r := range label {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_':
		case r < utf8.RuneSelf, r == utf8.RuneError, unicode.ToLower(r) != r:
			return "", false
		case 0x300 <= r && r <= 0x36f:
			return "", false // decomposed: the browser's form is composed (NFC)
		case unicode.In(r, unicode.L, unicode.M, unicode.Nd):
			ascii = false
		default:
			return "", false
		}
	}
	if !ascii {
		label = "xn--" + punycode(label)
	}
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return "", false
	}
	return label, true
}

func isNumeric(label string) bool {
	for i := range len(label) {
		if label[i] < '0' || label[i] > '9' {
			return false
		}
	}
	return true
}

// punycode encodes a label that is not ASCII (RFC 3492, section 6.3).
func punycode(label string) string {
	const base, tMin, tMax, skew, damp, initialBias, initialN = 36, 1, 26, 38, 700, 72, 128
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"

	input := []rune(label)
	var out []byte
	for _, r := range input {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(initialN), 0, initialBias
	for handled := basic; handled < len(input); {
		next := rune(math.MaxInt32)
		for _, r := range input {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (handled + 1)
		n = next
		for _, r := range input {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tMin), tMax)
				if q < t {
					break
				}
				out = append(out, digits[t+(q-t)%(base-t)])
				q = (q - t) / (base - t)
			}
			out = append(out, digits[q])

			// Adapt the bias (section 6.1).
			if handled == basic {
				delta /= damp
			} else {
				delta /= 2
			}
			delta += delta / (handled + 1)
			k := 0
			for ; delta > (base-tMin)*tMax/2; k += base {
				delta /= base - tMin
			}
			bias = k + (base-tMin+1)*delta/(delta+skew)
			delta = 0
			handled++
		}
		delta++
		n++
	}
	return string(out)
}
