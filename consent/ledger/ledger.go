package ledger

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"
)

// Ledger takes records. It may be used by any number of goroutines.
type Ledger interface {
	// Append stores an entry of the given record and returns it when it is on
	// disk, surviving a loss of power. What was shown is stored with it unless
	// it is there already. An error means that there is no proof; the record
	// may still be stored if the context ended while it was being written.
	Append(ctx context.Context, submission *Submission) (Position, error)

	// Begin makes the ledger ready and begins to look after it until Close:
	// records are pruned when they are too old, and the head is logged every
	// day. Until then nothing is touched. An error does not end the ledger:
	// what failed is tried again with every record.
	Begin() error

	// Status tells how the ledger is. It never waits for the store.
	Status() Status

	// Close stores what was appended before and closes the ledger; whatever
	// comes later gets [ErrClosed].
	Close() error
}

// Submission is a record on its way into the ledger.
type Submission struct {
	Body  []byte
	Shown *Shown
}

// Submit prepares a record for the ledger.
func Submit(r *Record, shown *Shown) (*Submission, error) {
	r.Shown = shown.Digest
	body, err := r.encode()
	if err != nil {
		return nil, err
	}
	return &Submission{Body: body, Shown: shown}, nil
}

// Position is where in the ledger a record is.
type Position struct {
	Chain    string
	Sequence int64
	Previous Digest
	Hash     Digest
}

// Status is the state of a ledger.
type Status struct {
	Head        Head
	Bytes       int64 // of the store's files
	Undelivered int64 // records that have yet to reach a second store
	Failures    int64 // attempts to deliver records that failed
	Err         error // why nothing can be recorded, nil if something can
}

// Options are what every store needs.
type Options struct {
	Logger *slog.Logger

	// Retention is how long records are kept, 0 for ever.
	Retention time.Duration

	// Key returns the key that seals checkpoints.
	Key func() ([]byte, error)

	// Committed is told how long it took to bring records to the disk, if it is not
	// nil: all that waited for it at once.
	Committed func(took time.Duration)
}

// Reader reads a store, be it in use by another process or not. It may be used
// by one goroutine at a time.
type Reader interface {
	// Chains returns every chain of the store in the order of their first records.
	Chains(ctx context.Context) ([]Chain, error)

	// Entries yields the entries of a chain with sequence numbers above after
	// and up to through, in order. It reads in short steps: a chain may grow,
	// and be pruned, meanwhile. Callers may keep the bodies.
	Entries(ctx context.Context, chain string, after, through int64) iter.Seq2[Entry, error]

	// Shown yields everything that visitors were shown, with the time of the
	// first choice.
	Shown(ctx context.Context) iter.Seq2[ShownEntry, error]

	Close() error
}

// ShownEntry is a [Shown] and when it was first used.
type ShownEntry struct {
	Shown
	FirstUsed time.Time
}

var (
	// ErrClosed is returned for what comes after the end of a ledger.
	ErrClosed = errors.New("the ledger is closed")

	// ErrBusy is returned when more records wait than can be expected to be
	// written in time.
	ErrBusy = errors.New("too many records wait to be written")
)
