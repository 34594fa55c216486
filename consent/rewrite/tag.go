package rewrite

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Tag is a start tag that [Options.Edit] is shown and may change. It is valid
// until Edit returns.
//
// No change can bring content of the page to life: attributes are renamed only to a
// [DataName], values are replaced only by constant text or by more of the
// same, which is escaped, and only elements without content can be dropped.
type Tag struct {
	raw     []byte // the part of the page that is shown
	name    Name
	nameLen int // index in raw behind the name; 0 where the name is not in it
	attrs   []attr
	void    bool // an HTML element that has no content
	whole   bool
	ahead   bool

	awaitable bool   // its content can be shown
	awaited   bool   // it is asked for
	content   []byte // what was asked for

	changed bool
	changes []change // in any order
	added   []byte   // attributes to be inserted behind the name
	dropped bool
	instead string
}

// attr is an attribute, as indexes into the raw tag.
type attr struct {
	id           Name
	from, to     uint16 // the name
	value        uint16 // the value without quotes
	valueTo, end uint16 // the end of the value without and with quotes
	partial      bool
	changed      bool
}

// change is what becomes of an attribute.
type change struct {
	attr    int
	renamed string // its new name, if any
	set     bool
	text    string // its new value, if set
}

// Name returns the name of the element.
func (t *Tag) Name() Name { return t.name }

// Whole reports whether the whole tag is shown. Of a tag of more than 16 KB or 128
// attributes, Edit is first shown the attributes that end within so much of it, and
// then the others, some at a time.
func (t *Tag) Whole() bool { return t.whole }

// Len returns the number of attributes that are shown, duplicates included.
func (t *Tag) Len() int { return len(t.attrs) }

// Attribute returns the name of attribute i.
func (t *Tag) Attribute(i int) Name { return t.attrs[i].id }

// Value returns the bytes of the value of attribute i as they stand in the page,
// without quotes.
func (t *Tag) Value(i int) []byte { return t.raw[t.attrs[i].value:t.attrs[i].valueTo] }

// AppendValue appends the value of attribute i with its character references decoded.
func (t *Tag) AppendValue(b []byte, i int) []byte { return appendDecoded(b, t.Value(i)) }

// Ahead reports whether the tag is none to the parser, which takes it for a part of a
// comment or the like, but only to what browsers load ahead of parsing. Nothing but
// renaming attributes is possible then.
func (t *Tag) Ahead() bool { return t.ahead }

// Partial reports whether the value of attribute i goes on beyond what is shown:
// it is longer than 16 KB.
func (t *Tag) Partial(i int) bool { return t.attrs[i].partial }

// AwaitContent lets Edit be shown the tag of a script once more, with the content.
// The page is held back meanwhile. It reports false, and does nothing, where there is
// no content to be seen: for other elements, for scripts in an svg element, where it is
// markup, and in a noscript element, for a tag that is not whole, and where the content
// is shown.
func (t *Tag) AwaitContent() bool {
	t.awaited = t.awaitable
	return t.awaitable
}

// Content returns the content that was awaited, the first 16 KB of it if it is longer.
func (t *Tag) Content() []byte { return t.content }

// Find returns the first attribute of a name, and -1 if there is none. To browsers
// it is the only one of its name, but not to what they load ahead of parsing.
func (t *Tag) Find(n Name) int {
	for i := range t.attrs {
		if t.attrs[i].id == n {
			return i
		}
	}
	return -1
}

// DataName is the name of an attribute that means nothing to browsers.
type DataName struct {
	text string
	id   Name
}

// NewDataName returns a name, which must begin with "data-".
func NewDataName(s string) DataName {
	if !strings.HasPrefix(s, "data-") || !isAttributeName(s) {
		panic("rewrite: " + strconv.Quote(s) + " is not a name to rename an attribute to")
	}
	return DataName{s, NameOf(s)}
}

// Rename gives every attribute of a name another one. It reports whether there was
// any.
func (t *Tag) Rename(n Name, to DataName) bool {
	found := false
	for i := range t.attrs {
		if t.attrs[i].id == n {
			t.attrs[i].id = to.id
			t.change(i).renamed = to.text
			found = true
		}
	}
	return found
}

// Set gives every attribute of a name a value, or adds the attribute in front of
// all others. It reports false, and does nothing, where that is not possible: in
// what follows the first part of a tag, where the value is not wholly shown, or where
// the tag is seen only ahead of parsing.
// The name must not be that of an event handler.
func (t *Tag) Set(attribute, value string) bool {
	n := NameOf(attribute)
	if !isAttributeName(attribute) || len(attribute) > 1 && strings.EqualFold(attribute[:2], "on") {
		panic("rewrite: " + strconv.Quote(attribute) + " is not the name of an attribute to set")
	}
	if t.ahead {
		return false
	}
	found := false
	for i := range t.attrs {
		if t.attrs[i].id == n && t.attrs[i].partial {
			return false
		}
	}
	for i := range t.attrs {
		if t.attrs[i].id == n {
			c := t.change(i)
			c.set, c.text = true, value
			found = true
		}
	}
	if !found {
		if t.nameLen == 0 {
			return false
		}
		t.added = append(t.added, ' ')
		t.added = append(t.added, attribute...)
		t.added = appendQuoted(t.added, value)
	}
	t.changed = true
	return true
}

// Drop removes the tag. It reports false, and does nothing, if the element could
// have content, which would become something else without it.
func (t *Tag) Drop() bool { return t.Replace("") }

// Replace puts constant text in place of the tag: ASCII, and elements that are
// closed in it. It reports false, and does nothing, where Drop would.
func (t *Tag) Replace(text string) bool {
	if !t.void || !t.whole || t.ahead {
		return false
	}
	t.dropped, t.instead, t.changed = true, text, true
	return true
}

// change returns what becomes of attribute i, to be filled in.
func (t *Tag) change(i int) *change {
	t.changed = true
	if !t.attrs[i].changed {
		t.attrs[i].changed = true
		t.changes = append(t.changes, change{attr: i})
		return &t.changes[len(t.changes)-1]
	}
	return t.changeOf(i)
}

func (t *Tag) changeOf(i int) *change {
	for j := range t.changes {
		if t.changes[j].attr == i {
			return &t.changes[j]
		}
	}
	return nil
}

// reset makes t another tag.
func (t *Tag) reset(n Name, nameLen int, void, whole bool) {
	t.name, t.nameLen, t.void, t.whole = n, nameLen, void, whole
	t.awaitable, t.awaited, t.content = false, false, nil
	t.attrs = t.attrs[:0]
	if t.changed {
		t.changed, t.dropped, t.instead = false, false, ""
		t.changes, t.added = t.changes[:0], t.added[:0]
	}
}

// appendTo appends the changed tag.
func (t *Tag) appendTo(b []byte) []byte {
	if t.dropped {
		return append(b, t.instead...)
	}
	b = append(b, t.raw[:t.nameLen]...)
	b = append(b, t.added...)
	at := t.nameLen
	for i := range t.attrs {
		a := &t.attrs[i]
		if !a.changed {
			continue
		}
		c := t.changeOf(i)
		if c.renamed != "" {
			b = append(b, t.raw[at:a.from]...)
			b = append(b, c.renamed...)
			if shift := bytes.LastIndexByte(t.raw[a.from:a.to], jisEscape); shift >= 0 {
				b = append(b, t.raw[int(a.from)+shift:][:jisLength]...)
			}
			at = int(a.to)
		}
		if c.set {
			b = append(b, t.raw[at:a.to]...)
			b = appendQuoted(b, c.text)
			at = int(a.end)
		}
	}
	return append(b, t.raw[at:]...)
}

// appendQuoted appends the equals sign and value of an attribute in ASCII.
func appendQuoted(b []byte, value string) []byte {
	b = append(b, `="`...)
	for value != "" {
		n := 0
		for n < len(value) && isPlain[value[n]] {
			n++
		}
		b = append(b, value[:n]...)
		if n == len(value) {
			break
		}
		c, size := utf8.DecodeRuneInString(value[n:])
		switch c {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		default:
			b = append(b, "&#"...)
			b = strconv.AppendInt(b, int64(c), 10)
			b = append(b, ';')
		}
		value = value[n+size:]
	}
	return append(b, '"')
}

// isPlain tells what may stand in a value between quotation marks as it is.
var isPlain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf-1; c++ {
		plain[c] = !strings.ContainsRune(`&"<>`, c)
	}
	return plain
}()

func isAttributeName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (c < '0' || c > '9') && c != '-' && c != ':' && c != '_' {
			return false
		}
	}
	return s != ""
}
