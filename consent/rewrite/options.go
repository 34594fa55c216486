package rewrite

// Options say what a [Rewriter] inserts and which tags it changes.
type Options struct {
	// HeadStart is asked at most once for what to insert at the start of the
	// head: right after the <head> tag, or before the first thing that implies a
	// head.
	HeadStart func() []byte

	// BodyStart is asked at most once for what to insert at the start of the
	// body: right after the <body> tag, or before the first thing that implies
	// a body.
	BodyStart func(Head) []byte

	// End is asked at most once, by Close, for what to append as the last thing
	// of the document.
	End func() []byte

	// Edit is shown every start tag of Elements, wherever it stands, and may
	// change it. Start tags in a noscript element are shown too, which only
	// browsers without scripting see.
	Edit     func(*Tag)
	Elements *Elements

	// Meta is told of every <meta> tag before the body its http-equiv, content and
	// charset, "" for what is missing or longer than 256 bytes.
	Meta func(httpEquiv, content, charset string)

	// EditMeta is shown every <meta> tag before the body, ahead of Edit, and may
	// change it.
	EditMeta func(*Tag)

	// DocumentOnly makes nothing be inserted or changed where the input does not
	// begin as a whole document does: with a DOCTYPE or a tag of html, head or body,
	// after nothing but comments and white space.
	DocumentOnly bool
}

// Head is what the page said before its body began. Character references are
// not decoded.
type Head struct {
	// Lang is the value of the lang attribute of <html>; "" if there is none or
	// it is longer than 64 bytes.
	Lang string

	// Base is the value of the href attribute of the first <base> that has one,
	// cut after 256 bytes; "" if there is none.
	Base string
}

// Reason says why a [Rewriter] did not insert all that it was to insert.
type Reason uint8

// The reasons.
const (
	Complete Reason = iota // nothing was left out
	UTF16                  // the input begins with a UTF-16 byte order mark
	Fragment               // the input is not a whole document
	Frameset               // the document has a frameset in place of a body
	Unclosed               // the input ends inside a tag, a script or the like, where nothing can be appended
)

// String returns the reason in a word or two, for logs.
func (r Reason) String() string {
	return [...]string{"complete", "UTF-16", "fragment", "frameset", "unclosed"}[r]
}
