package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// exporter turns entries into text. Nearly every record says the same as an
// earlier one but for its id, its time and its place in the chain: such a text is
// made once, as a form, and filled in from then on without decoding or encoding
// anything. An exporter is for one goroutine.
type exporter struct {
	filter *Filter
	text   textFunc

	marks place
	chain string           // that the forms are for
	forms map[string]*form // by what follows the time in a body
	room  int              // bytes left for forms
}

// formRoom bounds the memory that the forms of an exporter take, in bytes.
const formRoom = 1 << 20

// textFunc returns the text of a record, which is valid until the next call.
type textFunc func(r *Record, chain string, sequence int64, hash Digest) ([]byte, error)

// place is what differs between records that say the same.
type place struct {
	id       string
	time     time.Time
	sequence int64
	hash     Digest
}

// newExporter returns an exporter of the records that a filter selects. Its marks
// are random, so that nothing that a client sent is taken for one.
func newExporter(filter *Filter, text textFunc) *exporter {
	var random [3]uint64
	for i := range random {
		var b [8]byte
		rand.Read(b[:]) // never fails
		random[i] = binary.NativeEndian.Uint64(b[:]) >> 2
	}
	marks := place{
		id:       uuid.NewString(),
		time:     time.Unix(int64(random[0]%200e9), int64(random[1]%1e9)).UTC(), // until the year 8307
		sequence: 1<<62 | int64(random[2]),
	}
	rand.Read(marks.hash[:])
	return &exporter{filter: filter, text: text, marks: marks}
}

// export appends the texts of the selected records of a batch and returns how many
// they are.
func (x *exporter) export(out *bytes.Buffer, b *batch) (int64, error) {
	if x.chain != b.chain {
		x.chain = b.chain
		x.forget()
	}
	n := int64(0)
	for i := range b.entries {
		selected, err := x.entry(out, &b.entries[i])
		if err != nil {
			return n, fmt.Errorf("record %d of chain %s: %w", b.entries[i].Sequence, b.chain, err)
		}
		if selected {
			n++
		}
	}
	return n, nil
}

// entry appends the text of an entry if it is selected.
func (x *exporter) entry(out *bytes.Buffer, e *Entry) (selected bool, err error) {
	at := place{sequence: e.Sequence, hash: e.Hash}
	rest, ok := at.cut(e.Body)
	f := x.forms[string(rest)]
	if !ok || f == nil {
		var r Record
		if err := json.Unmarshal(e.Body, &r); err != nil {
			return false, fmt.Errorf("decoding: %w", err)
		}
		if !ok || r.ID != at.id || !r.Time.Equal(at.time) { // the rest can say something else
			return x.whole(out, &r, e)
		}
		if f, err = x.learn(&r, rest); err != nil {
			return false, err
		}
	}
	if !f.selected || !x.filter.selectsOne(at.id, at.time) {
		return false, nil
	}
	f.fill(out, &at)
	return true, nil
}

// whole appends the text of a record for which there can be no form.
func (x *exporter) whole(out *bytes.Buffer, r *Record, e *Entry) (selected bool, err error) {
	if !x.filter.selects(r) {
		return false, nil
	}
	text, err := x.text(r, x.chain, e.Sequence, e.Hash)
	out.Write(text)
	return err == nil, err
}

// learn makes the form for the records that end like the given one.
func (x *exporter) learn(r *Record, rest []byte) (*form, error) {
	f := &form{selected: x.filter.selectsAll(r)}
	if f.selected {
		r.ID, r.Time = x.marks.id, x.marks.time
		text, err := x.text(r, x.chain, x.marks.sequence, x.marks.hash)
		if err != nil {
			return nil, err
		}
		f.pieces = cutForm(bytes.Clone(text), &x.marks)
	}
	if x.room < 0 {
		x.forget()
	}
	x.forms[string(rest)] = f
	x.room -= len(rest) + f.size()
	return f, nil
}

// forget drops all forms.
func (x *exporter) forget() { x.forms, x.room = map[string]*form{}, formRoom }

// cut reads the beginning of a body as [Record.encode] writes it and returns the
// rest, or ok false for any other body.
func (p *place) cut(body []byte) (rest []byte, ok bool) {
	const begin, middle, idLen = `{"id":"`, `","time":"`, 36
	if rest, ok = bytes.CutPrefix(body, []byte(begin)); !ok || len(rest) < idLen {
		return nil, false
	}
	id, rest := rest[:idLen], rest[idLen:]
	if _, err := uuid.ParseBytes(id); err != nil {
		return nil, false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(middle)); !ok {
		return nil, false
	}
	text, rest, ok := bytes.Cut(rest, []byte{'"'})
	if !ok || p.time.UnmarshalText(text) != nil {
		return nil, false
	}
	p.id = string(id)
	return rest, true
}

// form is the text of records that say the same, in pieces between which there is
// what differs.
type form struct {
	selected bool // by what all of them say
	pieces   []piece
}

type piece struct {
	text []byte
	then field // follows
}

// field is one of a [place], 0 for none.
type field int

const (
	idField field = iota + 1
	timeField
	sequenceField
	hashField
)

// append appends a field as it is in every kind of text.
func (p *place) append(to []byte, f field) []byte {
	switch f {
	case idField:
		return append(to, p.id...)
	case timeField:
		return p.time.AppendFormat(to, time.RFC3339Nano)
	case sequenceField:
		return strconv.AppendInt(to, p.sequence, 10)
	case hashField:
		to, _ = p.hash.AppendText(to)
	}
	return to
}

// cutForm cuts a text at its marks.
func cutForm(text []byte, marks *place) []piece {
	var pieces []piece
	for {
		next, end, then := len(text), len(text), field(0)
		for f := idField; f <= hashField; f++ {
			mark := marks.append(nil, f)
			if i := bytes.Index(text, mark); i >= 0 && i < next {
				next, end, then = i, i+len(mark), f
			}
		}
		pieces = append(pieces, piece{text[:next], then})
		if then == 0 {
			return pieces
		}
		text = text[end:]
	}
}

// fill appends a form with what belongs between its pieces.
func (f *form) fill(out *bytes.Buffer, at *place) {
	for i := range f.pieces {
		out.Write(f.pieces[i].text)
		out.Write(at.append(out.AvailableBuffer(), f.pieces[i].then))
	}
}

// size returns about how many bytes a form takes.
func (f *form) size() int {
	size := 128
	for i := range f.pieces {
		size += 32 + len(f.pieces[i].text)
	}
	return size
}
