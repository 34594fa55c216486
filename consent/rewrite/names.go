package rewrite

import (
	"math/rand/v2"
	"strings"
)

// Name is the name of an element or attribute with ASCII letters in lower case,
// small enough to compare at once: up to eight bytes as they are, longer ones
// hashed, in every process differently, so that nobody can make up a name that is
// taken for another.
type Name uint64

// add returns the name with byte i, which is c.
func (n Name) add(i int, c byte) Name {
	if i < 8 {
		return n | Name(c)<<(8*i)
	}
	return (n^Name(c))*mixer | 1<<63 // no name in ASCII has this bit
}

var mixer = Name(rand.Uint64() | 1)

// appendTo appends the name as text. It reports false for a name that is hashed
// or has other characters than letters, digits and hyphens.
func (n Name) appendTo(b []byte) ([]byte, bool) {
	ok := n>>63 == 0
	for ; n != 0 && ok; n >>= 8 {
		c := byte(n)
		b = append(b, c)
		ok = isLetter(c) || '0' <= c && c <= '9' || c == '-'
	}
	return b, ok
}

// NameOf returns the name that is written s, in any case.
func NameOf(s string) Name {
	n := Name(0)
	for i := range len(s) {
		n = n.add(i, lower[s[i]])
	}
	return n
}

// Classes of bytes.
const (
	isSpace = 1 << iota
	endsTagName
	endsAttrName
	endsUnquoted
)

var class = func() (class [256]uint8) {
	for _, c := range []byte("\t\n\f\r ") {
		class[c] = isSpace | endsTagName | endsAttrName | endsUnquoted
	}
	class['/'] = endsTagName | endsAttrName
	class['='] = endsAttrName
	class['>'] = endsTagName | endsAttrName | endsUnquoted
	return class
}()

// lower maps bytes to lower case, and in the way that is the fastest for names
// others too: no other byte becomes one of a name that means anything.
var lower = func() (lower [256]byte) {
	for c := range 256 {
		lower[c] = byte(c)
		if c > ' ' {
			lower[c] |= 0x20
		}
	}
	lower[0] = 0xff // so that names that differ by a NUL differ packed
	return lower
}()

func isLetter(c byte) bool { return c|0x20-'a' < 26 }

// tag is an element that the parser treats in a way of its own, or one of a few
// kinds of elements that it treats alike. The zero value is any other element.
type tag uint8

const (
	tagOther tag = iota
	tagAnnotationXML
	tagBody
	tagBr
	tagDesc
	tagFont
	tagForeignObject
	tagFrameset
	tagHead
	tagHTML
	tagIframe
	tagMalignmark
	tagMath
	tagMglyph
	tagMi
	tagMn
	tagMo
	tagMs
	tagMtext
	tagNoembed
	tagNoframes
	tagNoscript
	tagP
	tagPlaintext
	tagScript
	tagSelect
	tagStyle
	tagSVG
	tagTable
	tagTemplate
	tagTextarea
	tagTitle
	tagXMP
	anchor
	blocks
	breakoutBlocks
	button
	cell
	definition
	form
	formatting
	heading
	listItem
	lists
	metadata
	metaElement
	option
	plainBreakout
	replaced
	row
	rule
	scopes
	rowGroup
	tableParts
	voids
	tagCount
)

// Properties of elements in the HTML namespace.
const (
	headContent = 1 << iota // its start tag does not end the head
	rawText                 // its content is RCDATA, RAWTEXT, script data or plaintext
	void                    // has neither content nor end tag
	breakout                // its start tag ends foreign content
	special                 // in the category "special" of the standard, section 13.2.4.2
	closesP                 // its start tag closes an open p element
	scope                   // ends the search for an element in scope
	formats                 // a formatting element
	inTable                 // is part of a table
	optionalEnd             // pages may and do leave out its end tag
	structural              // the tree builder treats it in a way of its own
)

// element is what is known of a tag.
type element struct {
	name  string
	flags uint16
	id    Name
}

var tags = [tagCount]element{
	tagAnnotationXML: {name: "annotation-xml"},
	tagBody:          {name: "body", flags: breakout | special | structural},
	tagBr:            {name: "br", flags: void | breakout | special},
	tagDesc:          {name: "desc"},
	tagFont:          {name: "font", flags: formats},
	tagForeignObject: {name: "foreignobject"},
	tagFrameset:      {name: "frameset", flags: special | structural},
	tagHead:          {name: "head", flags: breakout | special | structural},
	tagHTML:          {name: "html", flags: special | structural},
	tagIframe:        {name: "iframe", flags: rawText | special},
	tagMalignmark:    {name: "malignmark"},
	tagMath:          {name: "math", flags: structural},
	tagMglyph:        {name: "mglyph"},
	tagMi:            {name: "mi"},
	tagMn:            {name: "mn"},
	tagMo:            {name: "mo"},
	tagMs:            {name: "ms"},
	tagMtext:         {name: "mtext"},
	tagNoembed:       {name: "noembed", flags: rawText | special},
	tagNoframes:      {name: "noframes", flags: headContent | rawText | special},
	tagNoscript:      {name: "noscript", flags: special | structural},
	tagP:             {name: "p", flags: breakout | special | closesP | optionalEnd},
	tagPlaintext:     {name: "plaintext", flags: rawText | special | closesP},
	tagScript:        {name: "script", flags: headContent | rawText | special},
	tagSelect:        {name: "select", flags: special | structural},
	tagStyle:         {name: "style", flags: headContent | rawText | special},
	tagSVG:           {name: "svg", flags: structural},
	tagTable:         {name: "table", flags: breakout | special | closesP | scope | structural},
	tagTemplate:      {name: "template", flags: headContent | special | scope | structural},
	tagTextarea:      {name: "textarea", flags: rawText | special},
	tagTitle:         {name: "title", flags: headContent | rawText | special},
	tagXMP:           {name: "xmp", flags: rawText | special | closesP},

	anchor:         {flags: formats},
	blocks:         {flags: special | closesP},
	breakoutBlocks: {flags: breakout | special | closesP},
	button:         {flags: special},
	cell:           {flags: special | scope | inTable | optionalEnd},
	definition:     {flags: breakout | special | closesP | optionalEnd},
	form:           {flags: special | closesP},
	formatting:     {flags: breakout | formats},
	heading:        {flags: breakout | special | closesP},
	listItem:       {flags: breakout | special | closesP | optionalEnd},
	lists:          {flags: breakout | special | closesP},
	metadata:       {flags: headContent | void | special},
	metaElement:    {flags: headContent | void | breakout | special},
	option:         {flags: optionalEnd},
	plainBreakout:  {flags: breakout},
	replaced:       {flags: void | breakout | special},
	row:            {flags: special | inTable | optionalEnd},
	rule:           {flags: void | breakout | special | closesP},
	scopes:         {flags: special | scope},
	rowGroup:       {flags: special | inTable | optionalEnd},
	tableParts:     {flags: special | void | inTable},
	voids:          {flags: void | special},
}

// kinds are the elements of the tags that stand for several or need no name here.
var kinds = map[tag]string{
	anchor: "a",
	blocks: "address article aside details dialog dir fieldset figcaption figure footer " +
		"header hgroup main nav search section summary",
	breakoutBlocks: "blockquote center div dl listing menu pre",
	button:         "button",
	cell:           "td th",
	definition:     "dd dt",
	form:           "form",
	formatting:     "b big code em i nobr s small strike strong tt u",
	heading:        "h1 h2 h3 h4 h5 h6",
	listItem:       "li",
	lists:          "ol ul",
	metadata:       "base basefont bgsound link",
	metaElement:    "meta",
	option:         "optgroup option rb rp rt rtc",
	plainBreakout:  "ruby span sub sup var",
	replaced:       "embed img",
	row:            "tr",
	rule:           "hr",
	scopes:         "applet marquee object",
	rowGroup:       "caption colgroup tbody tfoot thead",
	tableParts:     "col frame",
	voids:          "area input keygen param source track wbr",
}

// index is a hash table from names to tags with linear probing.
var index = newIndex()

type indexEntry struct {
	id  Name
	tag tag
}

func slot(n Name) uint { return uint(n * 0x9e3779b97f4a7c15 >> 55) }

// tagOf returns the tag for a name.
func tagOf(n Name) tag {
	for i := slot(n); ; i++ {
		if e := index[i%uint(len(index))]; e.id == n || e.id == 0 {
			return e.tag
		}
	}
}

// newIndex also completes tags with their ids.
func newIndex() (entries [512]indexEntry) {
	add := func(n Name, t tag) {
		i := slot(n)
		for entries[i%uint(len(entries))].id != 0 {
			i++
		}
		entries[i%uint(len(entries))] = indexEntry{id: n, tag: t}
	}
	for t := range tagCount {
		if word := tags[t].name; word != "" {
			tags[t].id = NameOf(word)
			add(tags[t].id, t)
		}
		for word := range strings.FieldsSeq(kinds[t]) {
			add(NameOf(word), t)
		}
	}
	return entries
}
