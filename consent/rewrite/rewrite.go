// Package rewrite changes HTML pages as they stream by: it inserts constant text at
// up to three places, and lets who wants to change start tags.
//
// A [Rewriter] reads a page as browsers do: it follows the tokenizer of the HTML
// standard (https://html.spec.whatwg.org/, section 13.2) and as much of the tree
// builder as the tokenizer depends on, with scripting and without; and where what is
// loaded ahead of parsing sees more, which in Chromium knows no foreign content, as that.
//
// # Guarantees
//
// What is not inserted or changed is passed on byte for byte and at once, and the
// result does not depend on how the input is split. Held back are less than 64 bytes
// before the body, of a start tag that is shown at most 16 KB, and as much again of a
// script whose content is awaited; a longer tag is shown in parts, so that length hides
// nothing. Nothing in a page can be brought to
// life by a change: see [Tag]. Time is linear in the size of the page, memory is
// bounded by 96 KB whatever the page, and a Rewriter that is used again allocates
// nothing.
//
// # Limits
//
// The scanner reads bytes. It is right for every encoding in which the bytes
// 0x00 to 0x7f always mean ASCII where markup is concerned, and for ISO-2022-JP with
// [Rewriter.ReadISO2022JP]; what is inserted has to be ASCII. Input that begins with
// a UTF-16 byte order mark is passed on as it is: it has to be transcoded before.
//
// A body may be implied by an element with nothing in it that shows, and a
// frameset come after it. Browsers then drop the body for the frameset; text that
// was inserted by then makes them ignore the frameset instead.
//
// Where noscript elements leave something open, so that browsers without scripting
// read what follows in another way, the text for the start of the body may come
// later than at its start, and that for the end may not reach those browsers. Tags
// that only they see behind such an element are not shown.
//
// Where pages are nested so wrongly that it is uncertain whether an svg or math
// element is still open, and text follows that means something else inside it,
// nothing is appended at the end.
package rewrite

import (
	"io"
	"math"
)

// phase is how far a Rewriter has come.
type phase uint8

const (
	beforeBody phase = iota // looking for the start of the body
	inBodyTag               // inside the <body> tag
	postponed               // in the body, where a browser without scripting is inside something
	inBody                  // reading on to know what is open at the end
	finished                // nothing more to insert
)

// Rewriter copies a page from Write to an [io.Writer], inserts text at up to three
// places and changes start tags. It holds back less than 64 bytes before the body,
// a start tag that is shown up to its end, at most 16 KB, and as much again of a script
// whose content is awaited; it needs less than 96 KB whatever the page. It is not safe
// for concurrent use.
type Rewriter struct {
	opts Options
	dst  io.Writer
	err  error

	page   reading // with scripting
	bare   reading // without scripting, while forked
	forked bool

	pageEditor editor
	bareEditor editor
	script     script // whose content is awaited
	ahead      ahead
	role       reader

	// noscriptEnd is where the noscript element ends that made the readings fork;
	// up to there bareEditor shows what the bare reading sees.
	noscriptEnd int64

	phase       phase
	lead        lead
	document    bool // the input began like a whole document
	headPending bool // the text for the start of the head is to be inserted
	inHeadTag   bool // inside the <head> tag that it comes behind
	headDone    bool // </head> was seen
	inserted    bool
	reason      Reason

	// passed is the position in the document up to which everything is passed on
	// or left out. raw holds what came before the chunk and is not passed.
	passed int64
	raw    buffer
	seen   *buffer // as the scanner sees it: raw or, for some encodings, a mask
	shift  shifting

	edited []byte // a changed tag
	tail   []byte // what closes the open elements

	inTag Name   // the name of the tag whose attributes are read
	lang  noted  // the lang attribute of <html>
	base  noted  // the href attribute of <base>
	value *noted // the one of them that is being read
}

// New returns a Rewriter that writes to dst.
func New(dst io.Writer, o Options) *Rewriter {
	r := new(Rewriter)
	r.Reset(dst, o)
	return r
}

// Reset makes r as New would return it, but keeps its memory.
func (r *Rewriter) Reset(dst io.Writer, o Options) {
	page, bare, raw, shift := r.page, r.bare, r.raw, r.shift
	page.reset(true)
	bare.reset(false)
	raw.reset()
	shift.reset()
	*r = Rewriter{
		opts:        o,
		dst:         dst,
		page:        page,
		bare:        bare,
		pageEditor:  editor{elements: o.Elements, tag: r.pageEditor.tag},
		bareEditor:  editor{elements: o.Elements, tag: r.bareEditor.tag},
		headPending: o.HeadStart != nil,
		raw:         raw,
		shift:       shift,
		edited:      r.edited[:0],
		tail:        r.tail[:0],
		lang:        r.lang,
		base:        r.base,
		ahead:       ahead{reader: r.ahead.reader},
	}
	r.seen = &r.raw
	if o.Edit == nil {
		r.pageEditor.elements, r.bareEditor.elements = nil, nil
	}
	r.pageEditor.meta = o.Meta != nil || o.EditMeta != nil
	if o.HeadStart == nil && o.BodyStart == nil && o.End == nil && !r.pageEditor.meta {
		r.phase = finished
	}
	r.lang.reset()
	r.base.reset()
}

// Write reads the next bytes of the page and passes on all that is decided. It
// never keeps p. An error is the destination's, and final.
func (r *Rewriter) Write(p []byte) (int, error) {
	if r.shift.on {
		r.writeShifting(p, false)
	} else {
		r.writeChunk(p)
	}
	if r.err != nil {
		return 0, r.err
	}
	return len(p), nil
}

// writeChunk reads and passes on the next bytes of the page, of which the scanner
// sees what stands in r.seen.
func (r *Rewriter) writeChunk(p []byte) {
	base := r.page.offset
	end := base + int64(len(p))
	r.raw.chunk = p
	if !r.shift.on {
		r.seen.chunk = p
	}
	if r.isDone() {
		r.passOn(end)
	} else {
		r.page.window.reset()
		r.eachSegment(r.seen.chunk, r.read)
		end = r.undecided()
		if r.forked {
			r.followBare(end)
			end = min(end, r.bareEditor.holds(&r.bare, end))
		}
		r.passOn(end)
	}
	r.raw.holdFrom(base, r.passed)
	if r.shift.on {
		r.seen.holdFrom(base, r.passed)
	}
	r.page.offset += int64(len(p))
}

// isDone reports whether all that follows is passed on unread.
func (r *Rewriter) isDone() bool {
	return r.phase == finished && r.pageEditor.elements == nil
}

// read reads p, which begins where the chunk does, from index i on.
func (r *Rewriter) read(p []byte, i int) {
	for i < len(p) && !r.isDone() {
		if r.script.awaited() {
			i = r.readScript(p, i)
			continue
		}
		if r.phase >= inBody && !r.forked && !r.ahead.on && !r.role.ahead {
			if i = r.skim(&r.page, &r.pageEditor, p, i); i == len(p) || r.script.awaited() {
				continue
			}
		}
		ev, j := r.next(&r.page, &r.pageEditor, p, i)
		r.handle(ev, i, j)
		i = j
	}
}

// skim is [reading.skim], and shows the tags that are to be shown.
func (r *Rewriter) skim(d *reading, e *editor, p []byte, i int) int {
	for {
		var end int
		if i, end = d.skim(p, i, e); end == 0 {
			return i
		}
		at := d.offset + int64(i)
		r.edit(&e.tag, r.raw.between(r.page.offset, at, at+int64(end-i)), at)
		if i = end; r.script.awaited() {
			return i
		}
	}
}

// Flush reports an earlier error of the destination. Write has already passed on
// everything that is decided.
func (r *Rewriter) Flush() error { return r.err }

// Close ends the page: it passes on what was held back and appends the text for
// the end, behind what closes all that the page left open. It does not close the
// destination.
func (r *Rewriter) Close() error {
	if r.shift.on && !r.shift.endsInShift() {
		r.writeShifting(nil, true)
	}
	if r.script.awaited() {
		r.showScript(r.page.offset)
	}
	if r.phase == finished {
		r.passOn(r.page.offset)
		r.write(r.shift.behind)
		r.closeAhead()
		return r.err
	}
	tail, ok := r.appendEnd(r.tail[:0])
	r.tail = tail
	switch {
	case r.opts.DocumentOnly && !r.document:
		r.reason = Fragment
	case !ok:
		r.reason = Unclosed
	default:
		if r.phase == beforeBody && r.passed < r.page.offset {
			if !r.lead.end() {
				r.insertBefore(r.lead.start)
			} else if r.page.state == tagOpen {
				r.insertBefore(r.page.start)
			}
		}
		r.passOn(r.page.offset)
		r.writeString(r.shift.jis.set.leave())
		r.write(r.tail)
		r.writeHead()
		if r.phase == finished {
			break
		}
		r.insert()
		if r.opts.End != nil {
			r.write(r.opts.End())
		}
	}
	r.passOn(r.page.offset)
	r.write(r.shift.behind)
	r.closeAhead()
	r.phase = finished
	return r.err
}

// Finished reports whether nothing more will be inserted or changed and nothing is
// held back: whoever writes to the destination directly does what Write would do.
func (r *Rewriter) Finished() bool {
	return r.isDone() && r.passed == r.page.offset && !r.shift.on
}

// Inserted reports whether the text for the start of the body was inserted.
func (r *Rewriter) Inserted() bool { return r.inserted }

// Skipped returns why something was not inserted. It is final after Close.
func (r *Rewriter) Skipped() Reason { return r.reason }

// handle looks at an event, which ends at chunk[j].
func (r *Rewriter) handle(ev event, i, j int) {
	switch r.phase {
	case beforeBody:
		if len(r.page.stack) == 0 { // not in a template
			r.handleHead(ev, i, j)
		}
	case inBodyTag:
		if ev == tagEnd {
			r.insertAt(r.page.offset + int64(j))
		}
	case postponed:
		if ev == tagEnd && r.page.endsBlock() && len(r.page.stack) == 0 {
			r.insertAt(r.page.offset + int64(j))
		}
	}
	switch {
	case ev == endTag && r.forked && r.page.endsRaw && r.page.tag == tagNoscript:
		r.noscriptEnd = min(r.noscriptEnd, r.page.start)
	case ev != tagEnd:
	case r.forked:
		r.followBare(r.page.offset + int64(j))
		r.forked = !r.bare.agrees(&r.page)
	case !r.page.closing && r.page.tag == tagNoscript && r.page.state == rawState && !r.isDone():
		r.forked = true
		r.noscriptEnd = math.MaxInt64
		r.bareEditor.active = false
		r.bare.fork(&r.page)
		r.bare.offset += int64(j)
	}
	r.lookAhead(ev, j)
}

// skip inserts nothing (more). What can't be read or is no document stays as it is.
func (r *Rewriter) skip(why Reason) {
	r.reason = why
	if why == UTF16 || why == Fragment {
		r.pageEditor.elements = nil
	}
	r.finish()
}

// finish ends the insertions. Where tags are shown, reading goes on for that.
func (r *Rewriter) finish() {
	r.phase = finished
	r.pageEditor.meta = false
	r.forked = r.forked && !r.isDone()
}

// followBare lets the reading without scripting read up to a position. Tags that it
// sees in the noscript element are shown.
func (r *Rewriter) followBare(to int64) {
	r.runBare(min(to, r.noscriptEnd), true)
	if to >= r.noscriptEnd {
		r.bareEditor.active = false
		r.runBare(to, false)
	}
}

func (r *Rewriter) runBare(to int64, shows bool) {
	base := r.page.offset
	for from := r.bare.offset; from < to; from = r.bare.offset {
		end := to
		if from < base {
			end = min(to, base)
		}
		p := r.seen.between(base, from, end)
		r.bare.window.reset()
		r.eachSegment(p, func(p []byte, i int) {
			if !shows || r.bareEditor.elements == nil {
				r.bare.run(p, i)
				return
			}
			for i = r.skim(&r.bare, &r.bareEditor, p, i); i < len(p); {
				_, i = r.next(&r.bare, &r.bareEditor, p, i)
				i = r.skim(&r.bare, &r.bareEditor, p, i)
			}
		})
		r.bare.offset += int64(len(p))
	}
}

// undecided returns the position from which on it is open what becomes of the
// page: the end of the chunk if nothing is open.
func (r *Rewriter) undecided() int64 {
	end := r.page.offset + int64(len(r.raw.chunk))
	if r.script.awaited() {
		return r.script.from
	}
	end = r.pageEditor.holds(&r.page, end)
	if r.phase == beforeBody && len(r.page.stack) == 0 {
		if r.lead.pending() {
			return min(end, r.lead.start)
		}
		switch r.page.state {
		case tagName:
			if r.page.nameLen <= maxHeadName {
				return min(end, r.page.start)
			}
		case tagOpen, endTagOpen:
			return min(end, r.page.start)
		}
	}
	return end
}

// passOn writes the input up to a position.
func (r *Rewriter) passOn(to int64) {
	base := r.page.offset
	if r.passed < base && r.passed < to {
		end := min(to, base)
		r.write(r.raw.between(base, r.passed, end))
		r.passed = end
	}
	if r.passed < to {
		r.write(r.raw.between(base, r.passed, to))
		r.passed = to
	}
}

func (r *Rewriter) write(b []byte) {
	switch {
	case r.err != nil || len(b) == 0:
	case r.ahead.on:
		_, r.err = r.ahead.reader.Write(b)
	default:
		_, r.err = r.dst.Write(b)
	}
}

func (r *Rewriter) writeString(s string) {
	if s != "" {
		r.write([]byte(s))
	}
}

// appendEnd is [reading.appendEnd] for both readings: end tags for the one are
// text or nothing to the other, but what else closes something would show.
func (r *Rewriter) appendEnd(b []byte) ([]byte, bool) {
	if !r.forked {
		return r.page.appendEnd(b)
	}
	closed, ok := r.bare.appendEnd(b)
	if !ok {
		return b, false
	}
	inNoscript := r.page.state >= rawState && r.page.raw == tagNoscript
	endTags := r.bare.state == dataState || r.bare.state >= rawState
	if inNoscript || r.page.state == dataState && endTags {
		b = closed
	}
	return r.page.appendEnd(b)
}
