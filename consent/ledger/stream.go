package ledger

import (
	"bytes"
	"context"
	"encoding/json"
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

func (f *Filter) selects(r *Record) bool { return f.selectsAll(r) && f.selectsOne(r.ID, r.Time) }

// selectsAll reports whether a filter selects any record that says the same.
func (f *Filter) selectsAll(r *Record) bool {
	return (f.Site == "" || r.Site == f.Site) && (f.Policy == "" || r.Policy == f.Policy)
}

// selectsOne reports whether a filter selects the one with that id and time.
func (f *Filter) selectsOne(id string, at time.Time) bool {
	return (f.Since.IsZero() || !at.Before(f.Since)) && (f.Until.IsZero() || at.Before(f.Until)) && (f.ID == "" || id == f.ID)
}

// Format is how records are exported.
type Format string

// The formats of an export.
const (
	JSONLines Format = "jsonl" // an [Exported] a line
	CSV       Format = "csv"
)

// A batch, which a goroutine exports at once, has at most so many records and is
// complete with so many bytes of bodies.
const (
	batchSize  = 256
	batchBytes = 256 << 10
)

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
	text := func() textFunc { return jsonText(controllers) }
	if format == CSV {
		text = csvText
		if _, err := io.WriteString(w, csvHeader); err != nil {
			return 0, fmt.Errorf("writing: %w", err)
		}
	}
	return eachBatch(ctx, r, func() *exporter { return newExporter(&filter, text()) }, w, progress)
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

// eachBatch exports batches on all processors and writes the results in order.
func eachBatch(ctx context.Context, r Reader, newExporter func() *exporter, w io.Writer, progress func(int64)) (written int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	results := make(chan chan encoded, workers) // in order; its room bounds the memory
	exporters := make(chan *exporter, workers)
	for range workers {
		exporters <- newExporter()
	}
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
			x := <-exporters
			running.Go(func() {
				defer func() { exporters <- x }()
				out := buffers.Get().(*bytes.Buffer)
				out.Reset()
				n, err := x.export(out, b)
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
		b, size := &batch{chain: chain.ID}, 0
		for entry, err := range r.Entries(ctx, chain.ID, 0, chain.Last) {
			if err != nil {
				return fmt.Errorf("reading chain %s: %w", chain.ID, err)
			}
			b.entries, size = append(b.entries, entry), size+len(entry.Body)
			if len(b.entries) == batchSize || size >= batchBytes {
				if !take(b) {
					return ctx.Err()
				}
				b, size = &batch{chain: chain.ID, entries: make([]Entry, 0, batchSize)}, 0
			}
		}
		if len(b.entries) > 0 && !take(b) {
			return ctx.Err()
		}
	}
	return nil
}
