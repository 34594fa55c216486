package audit

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// Names that the banner documents and keeps.
const (
	formID       = "cookie-consent-form"
	settingsID   = "cookie-consent-settings"
	acceptChoice = "accept_all"
	rejectChoice = "reject_all"
)

const (
	maxLinks   = 2000     // of a page
	maxScripts = 256      // texts of one that are looked at
	maxText    = 16 << 10 // of each, in bytes
)

// page is what matters of a page.
type page struct {
	base     *url.URL
	links    []*url.URL
	scripts  []string   // those within the page that run
	styles   []string   // sheets and attributes
	action   string     // of the form of the banner; "" if there is none
	fields   url.Values // that it sends whatever is pressed
	accept   button
	reject   button
	settings string // where the link to the preferences leads; "" if there is none
}

// button is a button of the banner's form.
type button struct {
	there  bool
	deeper bool // it only shows once something else was opened
}

// readPage reads a page at an address.
func readPage(u *url.URL, text string) *page {
	p := &page{base: u, fields: url.Values{}}
	r := reader{page: p, z: html.NewTokenizer(strings.NewReader(text))}
	for {
		switch r.z.Next() {
		case html.ErrorToken:
			r.endSelect()
			return p
		case html.CommentToken, html.DoctypeToken:
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start()
		case html.EndTagToken:
			r.end()
		case html.TextToken:
			r.text()
		}
	}
}

// reader is the state of reading a page.
type reader struct {
	*page
	z *html.Tokenizer

	based     bool
	details   int
	inForm    bool // the banner's
	raw       *[]string
	selecting string // the name of a select element of the form
	selected  *string
}

func (r *reader) start() {
	name, more := r.z.TagName()
	tag := string(name)
	attributes := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = r.z.TagAttr()
		if _, ok := attributes[string(key)]; !ok {
			attributes[string(key)] = string(value)
		}
	}
	if style := attributes["style"]; strings.Contains(style, "(") && len(r.styles) < maxScripts {
		r.styles = append(r.styles, style[:min(len(style), maxText)])
	}
	r.raw = nil
	switch tag {
	case "base":
		if href, ok := attributes["href"]; ok && !r.based {
			if base, err := r.base.Parse(strings.TrimSpace(href)); err == nil {
				r.base, r.based = base, true
			}
		}
	case "a", "area":
		r.link(attributes)
	case "meta":
		if strings.EqualFold(attributes["http-equiv"], "refresh") {
			for to := range weburl.Refresh(attributes["content"]) {
				r.link(map[string]string{"href": to})
			}
		}
	case "script":
		if _, external := attributes["src"]; !external && runs(attributes["type"]) {
			r.raw = &r.scripts
		}
	case "style":
		r.raw = &r.styles
	case "details":
		r.details++
	case "form":
		if r.inForm = attributes["id"] == formID; r.inForm {
			r.action = attributes["action"]
		}
	case "input", "button", "select":
		if r.inForm || attributes["form"] == formID {
			r.control(tag, attributes)
		}
	case "option":
		_, chosen := attributes["selected"]
		if r.selecting != "" && (chosen || r.selected == nil) {
			value := attributes["value"]
			r.selected = &value
		}
	}
}

func (r *reader) end() {
	r.raw = nil
	switch name, _ := r.z.TagName(); string(name) {
	case "details":
		r.details = max(0, r.details-1)
	case "form":
		r.inForm = false
	case "select":
		r.endSelect()
	}
}

func (r *reader) text() {
	if r.raw != nil && len(*r.raw) < maxScripts {
		text := r.z.Text()
		*r.raw = append(*r.raw, string(text[:min(len(text), maxText)]))
	}
}

// link notes where a link leads.
func (r *reader) link(attributes map[string]string) {
	href, ok := attributes["href"]
	if _, download := attributes["download"]; !ok || download || len(r.links) == maxLinks {
		return
	}
	to, err := r.base.Parse(strings.TrimSpace(href))
	if err != nil {
		return
	}
	if attributes["id"] == settingsID {
		r.settings = to.String()
	}
	r.links = append(r.links, to)
}

// control notes a control of the banner's form as the form sends it.
func (r *reader) control(tag string, attributes map[string]string) {
	name, value := attributes["name"], attributes["value"]
	_, checked := attributes["checked"]
	kind := strings.ToLower(attributes["type"])
	switch {
	case tag == "select":
		r.endSelect()
		r.selecting = name
	case tag == "button" && name == "choice":
		found := button{there: true, deeper: r.details > 0}
		switch value {
		case acceptChoice:
			r.accept = found
		case rejectChoice:
			r.reject = found
		}
	case tag == "input" && (kind == "hidden" || kind == "checkbox" && checked):
		r.fields.Add(name, value)
	}
}

func (r *reader) endSelect() {
	if r.selecting != "" && r.selected != nil {
		r.fields.Add(r.selecting, *r.selected)
	}
	r.selecting, r.selected = "", nil
}

// runs reports whether a script of that type is JavaScript.
func runs(kind string) bool {
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "" || kind == "module" || strings.HasSuffix(kind, "javascript") || strings.HasSuffix(kind, "ecmascript")
}
