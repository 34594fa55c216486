package wall

import (
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
)

// reading says how browsers read the value of an attribute that makes them contact
// somebody.
type reading uint8

const (
	oneURL   reading = iota
	framed           // a URL of a page within the page, which it may hold itself
	srcset           // candidates for an image
	spaced           // URLs between white space
	refresh          // "0; url=…"
	document         // a page of its own, as of srcdoc
	listed           // URLs between semicolons
)

// An attribute makes an element load something.
type attribute struct {
	name    rewrite.Name
	renamed rewrite.DataName // what it is called while it is blocked
	reading reading
}

// loads are the attributes by which elements load something. Those of elements that
// pages are full of and that hardly ever have any, such as ping and background, are
// not among them, nor is what style sheets and scripts load: the policy stops that.
//
// Elements are the elements that [Guard.Edit] has to be shown.
var loads, Elements = func() (map[rewrite.Name][]attribute, *rewrite.Elements) {
	byElement := map[rewrite.Name][]attribute{}
	var all []string
	add := func(reading reading, attributes, elements string) {
		for element := range strings.FieldsSeq(elements) {
			n := rewrite.NameOf(element)
			for name := range strings.FieldsSeq(attributes) {
				byElement[n] = append(byElement[n], attribute{rewrite.NameOf(name), renamed(name), reading})
			}
			all = append(all, element)
		}
	}
	add(oneURL, "src", "script img image source video audio track input")
	add(oneURL, "poster", "video")
	add(framed, "src", "iframe frame embed portal fencedframe")
	add(framed, "data", "object")
	add(oneURL, "href", "link")
	add(oneURL, "href xlink:href", "script image use feimage")
	add(oneURL, "from to", "animate set")
	add(listed, "values", "animate")
	add(srcset, "srcset", "img image source")
	add(srcset, "imagesrcset", "link")
	add(spaced, "attributionsrc", "img image script")
	add(refresh, "content", "meta")
	add(document, "srcdoc", "iframe")
	return byElement, rewrite.NewElements(append(all, "base")...)
}()

// renamedPrefix begins the names of attributes that are blocked.
const renamedPrefix = "data-cookie-consent-"

// renamed returns what an attribute is called while it is blocked.
func renamed(name string) rewrite.DataName {
	return rewrite.NewDataName(renamedPrefix + strings.ReplaceAll(name, ":", "-"))
}

var (
	renamedSandbox = renamed("sandbox")
	renamedType    = renamed("type")
)
