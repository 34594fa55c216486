package ledger

import (
	"fmt"
	"iter"
	"time"
)

// Rows is what a query returns, in database/sql as in pgx.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
}

// ScanChain reads a chain from a row of id, count, hash, the count, hash and MAC of
// the checkpoint, and the sequence number of the last record.
func ScanChain(scan func(dest ...any) error) (Chain, error) {
	var c Chain
	var checkpoint Checkpoint
	var pruned *int64
	err := scan(&c.ID, &c.Head.Count, &c.Head.Hash, &pruned, &checkpoint.Hash, &checkpoint.MAC, &c.Last)
	if err == nil && pruned != nil {
		checkpoint.Count = *pruned
		c.Checkpoint = &checkpoint
	}
	return c, err
}

// Entries are read in steps of at most so many, and of hardly more than so many
// bytes: a transaction that lasts keeps databases from cleaning up.
const (
	stepSize  = 1024
	stepBytes = 1 << 20
)

// Steps yields the entries with sequence numbers above after and up to through
// that read returns step by step. It returns no more than limit, in order, and
// none only at the end.
func Steps(after, through int64, read func(after int64, limit int) ([]Entry, error)) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for after < through {
			entries, err := read(after, stepSize)
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
				after = entry.Sequence
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if len(entries) == 0 {
				return
			}
		}
	}
}

// ScanEntries reads entries from rows of sequence, body and hash, perhaps not all:
// as many as [Steps] takes at once.
func ScanEntries(rows Rows) ([]Entry, error) {
	var entries []Entry
	for size := 0; size < stepBytes && rows.Next(); {
		var e Entry
		if err := rows.Scan(&e.Sequence, &e.Body, &e.Hash); err != nil {
			return entries, err
		}
		size += len(e.Body)
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// ScanShown yields what visitors were shown from rows of digest, document and the
// time of the first use.
func ScanShown(rows Rows) iter.Seq2[ShownEntry, error] {
	return func(yield func(ShownEntry, error) bool) {
		for rows.Next() {
			var s ShownEntry
			err := rows.Scan(&s.Digest, &s.Document, (*storedTime)(&s.FirstUsed))
			if !yield(s, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(ShownEntry{}, err)
		}
	}
}

// storedTime is a time in a database, some of which have no type for it.
type storedTime time.Time

// Scan implements [database/sql.Scanner].
func (t *storedTime) Scan(src any) error {
	switch src := src.(type) {
	case time.Time:
		*t = storedTime(src)
		return nil
	case string:
		return (*time.Time)(t).UnmarshalText([]byte(src))
	default:
		return fmt.Errorf("a time cannot be a %T", src)
	}
}
