package cookieconsent

import (
	"encoding/hex"
	"hash/fnv"
	"strings"
)

// The marks stand between the application's entity tag and the name of the variant
// of the page. They tell whether the application's tag was strong or weak, so that
// it gets back the very tag that it sent.
const (
	strongMark = "-cc"
	weakMark   = "-cw"
)

// variant names what the rewritten page depends on besides the application's own
// page: the visitor's choice and signals, the policy and its enforcement, the texts
// and the language that the visitor's browser asks for, and whether it is shown within
// another page.
// It is the same for all of an exchange, whatever is found out meanwhile.
func (x *exchange) variant() string {
	if x.variantName == "" {
		x.variantName = x.newVariant()
	}
	return x.variantName
}

func (x *exchange) newVariant() string {
	h := fnv.New64a()
	frame := ""
	if x.view == viewFrame {
		frame = "frame"
	}
	for _, part := range []string{x.decision.Variant(), x.handler.edition + x.handler.Wall, x.handler.banner.Language("", x.language), frame} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	if x.view != viewFrame {
		h.Write([]byte{byte(x.shows())})
	}
	var sum [8]byte
	return hex.EncodeToString(h.Sum(sum[:0])[:4])
}

// variantTag returns the entity tag of a variant of a page. It is weak (RFC 9110,
// section 8.8.1): the bytes of a page with a banner in it are not promised.
func variantTag(tag, variant string) string {
	mark := strongMark
	if weak, ok := strings.CutPrefix(tag, "W/"); ok {
		tag, mark = weak, weakMark
	}
	opaque, ok := strings.CutSuffix(tag, `"`)
	if !ok || !strings.HasPrefix(opaque, `"`) {
		return ""
	}
	return "W/" + opaque + mark + variant + `"`
}

// restoreTags undoes [variantTag] in the lines of If-None-Match or If-Match. Tags
// of the present variant become the application's own again; tags of other
// variants are left out, so that the application can't confirm a page that was
// made for another choice. Tags without a mark belong to responses that were not
// rewritten.
func restoreTags(lines []string, variant string) (mine, unmarked []string) {
	for _, line := range lines {
		for tag := range entityTags(line) {
			opaque, weak := strings.CutPrefix(strings.TrimSuffix(tag, `"`), "W/")
			at := len(opaque) - len(strongMark) - len(variant)
			if !weak || at < 1 || !isHex(opaque[at+len(strongMark):]) {
				unmarked = append(unmarked, tag)
				continue
			}
			mark, of := opaque[at:at+len(strongMark)], opaque[at+len(strongMark):]
			switch {
			case mark != strongMark && mark != weakMark:
				unmarked = append(unmarked, tag)
			case of != variant:
			case mark == strongMark:
				mine = append(mine, opaque[:at]+`"`)
			default:
				mine = append(mine, "W/"+opaque[:at]+`"`)
			}
		}
	}
	return mine, unmarked
}

// entityTags yields the members of a list of entity tags. A tag may hold a comma.
func entityTags(line string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for rest := line; ; {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				return
			}
			end := strings.IndexByte(rest, ',')
			if open := strings.IndexByte(rest, '"'); open >= 0 && (end < 0 || open < end) {
				end = len(rest)
				if closing := strings.IndexByte(rest[open+1:], '"'); closing >= 0 {
					end = open + 1 + closing + 1
				}
			}
			if end < 0 {
				end = len(rest)
			}
			if !yield(strings.TrimRight(rest[:end], " \t")) {
				return
			}
			rest = rest[end:]
		}
	}
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
