package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Filter selects records. The zero Filter selects all.
type Filter struct {
	Since, Until time.Time // from Since on, before Until; zero for no bound
	Site         string
	Policy       string // a fingerprint
	ID           string // of one record
}

func (f *Filter) selects(r *Record) bool {
	return (f.Since.IsZero() || !r.Time.Before(f.Since)) && (f.Until.IsZero() || r.Time.Before(f.Until)) &&
		(f.Site == "" || r.Site == f.Site) && (f.Policy == "" || r.Policy == f.Policy) && (f.ID == "" || r.ID == f.ID)
}

// Format is how records are exported.
type Format string

// The formats of an export.
const (
	JSONLines Format = "jsonl" // an [Exported] a line
	CSV       Format = "csv"
)

// batchSize is how many records a goroutine encodes at once.
const batchSize = 512

// WriteExport writes the selected records of every chain and returns how many.
// Memory does not grow with their number. progress, which may be nil, is called
// now and then with the number of records that were looked at.
func WriteExport(ctx context.Context, r Reader, filter Filter, format Format, w io.Writer, progress func(int64)) (int64, error) {
	controllers := map[Digest]Controller{}
	for shown, err := range r.Shown(ctx) {
		if err != nil {
			return 0, fmt.Errorf("reading what was shown: %w", err)
		}
		if controllers[shown.Digest], err = ControllerOf(&shown.Shown); err != nil {
			return 0, err
		}
	}
	encode := func(out *bytes.Buffer, batch *batch) (int64, error) {
		return batch.jsonLines(out, &filter, controllers)
	}
	if format == CSV {
		header := newCSVWriter(w)
		if err := errors.Join(header.Header(), header.Flush()); err != nil {
			return 0, fmt.Errorf("writing: %w", err)
		}
		encode = func(out *bytes.Buffer, batch *batch) (int64, error) { return batch.csv(out, &filter) }
	}
	return eachBatch(ctx, r, encode, w, progress)
}

// Each calls f with the selected records of every chain, in order.
func Each(ctx context.Context, r Reader, filter Filter, f func(*Record), progress func(int64)) error {
	chains, err := r.Chains(ctx)
	if err != nil {
		return fmt.Errorf("reading the chains: %w", err)
	}
	looked := int64(0)
	for _, chain := range chains {
		for entry, err := range r.Entries(ctx, chain.ID, 0, chain.Last) {
			if err != nil {
				return fmt.Errorf("reading chain %s: %w", chain.ID, err)
			}
			var record Record
			if err := json.Unmarshal(entry.Body, &record); err != nil {
				return fmt.Errorf("decoding record %d of chain %s: %w", entry.Sequence, chain.ID, err)
			}
			if filter.selects(&record) {
				f(&record)
			}
			if looked++; looked%progressStep == 0 && progress != nil {
				progress(looked)
			}
		}
	}
	return nil
}

// batch is some entries of one chain.
type batch struct {
	chain   string
	entries []Entry
}

// encoded is what becomes of a batch.
type encoded struct {
	text    *bytes.Buffer
	records int64
	err     error
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// eachBatch encodes batches on all processors and writes the results in order.
func eachBatch(ctx context.Context, r Reader, encode func(*bytes.Buffer, *batch) (int64, error), w io.Writer, progress func(int64)) (written int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	results := make(chan chan encoded, 2*workers) // in order; its room bounds the memory
	slots := make(chan struct{}, workers)
	var looked atomic.Int64
	var readErr error
	var running sync.WaitGroup
	running.Go(func() {
		defer close(results)
		readErr = readBatches(ctx, r, func(b *batch) bool {
			result := make(chan encoded, 1)
			select {
			case results <- result:
			case <-ctx.Done():
				return false
			}
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				out := buffers.Get().(*bytes.Buffer)
				out.Reset()
				n, err := encode(out, b)
				looked.Add(int64(len(b.entries)))
				result <- encoded{out, n, err}
			})
			return true
		})
	})
	defer running.Wait()
	defer cancel()
	told := int64(0)
	for result := range results {
		e := <-result
		if e.err != nil {
			return written, e.err
		}
		if _, err := w.Write(e.text.Bytes()); err != nil {
			return written, fmt.Errorf("writing: %w", err)
		}
		buffers.Put(e.text)
		written += e.records
		if n := looked.Load(); progress != nil && n-told >= progressStep {
			told = n
			progress(n)
		}
	}
	return written, readErr
}

// readBatches cuts the chains of a store into batches until one is not taken.
func readBatches(ctx context.Context, r Reader, take func(*batch) bool) error {
	chains, err := r.Chains(ctx)
	if err != nil {
		return fmt.Errorf("reading the chains: %w", err)
	}
	for _, chain := range chains {
		b := &batch{chain: chain.ID}
		for entry, err := range r.Entries(ctx, chain.ID, 0, chain.Last) {
			if err != nil {
				return fmt.Errorf("reading chain %s: %w", chain.ID, err)
			}
			b.entries = append(b.entries, entry)
			if len(b.entries) == batchSize {
				if !take(b) {
					return ctx.Err()
				}
				b = &batch{chain: chain.ID, entries: make([]Entry, 0, batchSize)}
			}
		}
		if len(b.entries) > 0 && !take(b) {
			return ctx.Err()
		}
	}
	return nil
}

// each calls f with the selected records of a batch.
func (b *batch) each(filter *Filter, f func(*Record, *Entry) error) (int64, error) {
	n := int64(0)
	for i := range b.entries {
		entry := &b.entries[i]
		if filter.ID != "" && !bytes.Contains(entry.Body, []byte(filter.ID)) {
			continue // without decoding it
		}
		var record Record
		if err := json.Unmarshal(entry.Body, &record); err != nil {
			return n, fmt.Errorf("decoding record %d of chain %s: %w", entry.Sequence, b.chain, err)
		}
		if !filter.selects(&record) {
			continue
		}
		if err := f(&record, entry); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (b *batch) jsonLines(out *bytes.Buffer, filter *Filter, controllers map[Digest]Controller) (int64, error) {
	encoder := json.NewEncoder(out)
	return b.each(filter, func(r *Record, e *Entry) error {
		return encoder.Encode(Export(r, b.chain, e.Sequence, e.Hash, controllers[r.Shown]))
	})
}

func (b *batch) csv(out *bytes.Buffer, filter *Filter) (int64, error) {
	w := newCSVWriter(out)
	n, err := b.each(filter, func(r *Record, e *Entry) error { return w.Write(r, b.chain, e.Sequence, e.Hash) })
	if err != nil {
		return n, err
	}
	return n, w.Flush()
}
