// Package ledger is the proof of consent: what visitors chose, when, and what
// they were shown, in a form that shows whether anything was altered, removed,
// reordered or cut off afterwards.
//
// A [Record] is one choice. It names nobody: no address, no browser, no page and
// no visitor; two records of one visitor cannot be told from those of two.
// Records form a chain, one for each file: the hash of a record is
//
//	SHA-256(hash of the record before it ‖ body)
//
// over the bytes of the body as they are stored, so that a chain can be checked
// by any program that knows SHA-256. The hash before the first record is that of
// the chain's id, see [Start]. The [Head], the number of records and the hash of
// the last, is kept apart from them, so that a cut end shows.
//
// Stores are in packages of their own, named by what they are made of.
package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// State is what a visitor said about a category or service, in the terms of
// ISO/IEC TS 27560.
type State string

// The states of a record.
const (
	Given     State = "given"
	Refused   State = "refused"
	Withdrawn State = "withdrawn" // refused after it had been given
)

// Withdraw is the method of a choice that takes back all that was given. Every
// other method is named as the visitor's form names it.
const Withdraw = "withdraw"

// maxBody bounds the body of a record, in bytes: some 16 categories and a
// thousand services.
const maxBody = 64 << 10

// Record is one choice of one visitor.
type Record struct {
	// ID is a UUID of version 7 (RFC 9562, section 5.7).
	ID string `json:"id"`

	// Time is when the choice arrived, UTC in milliseconds.
	Time time.Time `json:"time"`

	// Site is what the choice is valid for: a host, or a domain and the hosts below it.
	Site string `json:"site"`

	// Policy is the fingerprint of what the visitor was asked.
	Policy string `json:"policy"`

	// Shown is the digest of the [Shown] that the visitor saw.
	Shown Digest `json:"shown"`

	// Source is where the visitor chose: "banner", "preferences", "placeholder"
	// or, if a script of the site asked in its own words, "script".
	Source string `json:"source"`

	// Method is how: "accept_all", "reject_all", "save", "placeholder" for what was
	// agreed to in its place in a page, or [Withdraw].
	Method string `json:"method"`

	// Categories holds the state of each category that can be chosen, but for those
	// that were not asked for yet.
	Categories map[string]State `json:"categories"`

	// Services holds the state of each service in the same way.
	Services map[string]State `json:"services,omitempty"`

	// Language is that of what the visitor saw.
	Language string `json:"language"`

	// GPC tells whether the browser sent Global Privacy Control.
	GPC bool `json:"gpc"`

	// Days is for how many days the choice is valid.
	Days int `json:"days"`

	// Version is that of the module.
	Version string `json:"version"`
}

// NewRecord returns a record with an id and the time that the id begins with.
func NewRecord(now time.Time) (*Record, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("making a record's id: %w", err)
	}
	return &Record{ID: id.String(), Time: now.UTC().Truncate(time.Millisecond)}, nil
}

// encode returns the body of a record. It is never made anew: what is hashed and
// compared are the bytes that were stored.
func (r *Record) encode() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a record: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("encoding a record: %d bytes are more than the %d allowed", len(body), maxBody)
	}
	return body, nil
}

// Shown is what visitors saw when they were asked: one for each policy,
// language and whatever else makes it differ.
type Shown struct {
	Digest Digest

	// Document is the JSON form of a [ShownDocument], of which Digest is the
	// SHA-256.
	Document []byte
}

// ShownDocument is what visitors saw, in one language.
type ShownDocument struct {
	Policy      string          `json:"policy"` // the fingerprint
	Language    string          `json:"language"`
	GPC         bool            `json:"gpc"`         // for browsers that send the signal
	Version     string          `json:"version"`     // of the module
	Declaration json.RawMessage `json:"declaration"` // the cookies policy as data
	Banner      string          `json:"banner"`      // HTML
	Page        string          `json:"page"`        // the preferences page, HTML
	// Placeholders is what stands in place of blocked content, HTML by what it is for.
	Placeholders map[string]string `json:"placeholders"`
	Styles       map[string]string `json:"styles"` // style sheets by name
}

// NewShown encodes what visitors saw.
func NewShown(document ShownDocument) (*Shown, error) {
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("encoding what was shown: %w", err)
	}
	return &Shown{Digest: sha256.Sum256(encoded), Document: encoded}, nil
}
