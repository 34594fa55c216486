//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

// Package sqlite keeps a ledger in a SQLite file on a local disk. Nothing else is
// needed; a copy of the file is a whole ledger.
//
// The file is in WAL mode with full synchronisation, so that what was committed
// survives a loss of power. One goroutine writes: records that arrive while a
// commit is on its way share the next one. Two processes that use one file extend
// the same chain, because each reads the end of it within its writing
// transaction. The file must not be on a network file system.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

const (
	// maxWaiting bounds the records that wait to be written.
	maxWaiting = 4096

	// maxBatch bounds the records that share a commit.
	maxBatch = 512

	// retry is the shortest time between two attempts to open a file that
	// cannot be opened.
	retry = 250 * time.Millisecond

	// complaint is how often a failure that lasts is logged.
	complaint = time.Minute
)

// Config says where a ledger is kept.
type Config struct {
	// Path is the absolute path of the file. Its folder is made if need be.
	Path string

	// MaxBytes is the size that the file never exceeds; nothing more is
	// recorded then. 0 stands for no limit but the disk's.
	MaxBytes int64

	// Outbox tells that records have to reach a second store, so that none
	// that has not is pruned.
	Outbox bool
}

// Store is a ledger in a SQLite file.
type Store struct {
	cfg  Config
	opts ledger.Options

	requests chan *request
	jobs     chan func()
	ctx      context.Context // ends with Close, after the last record
	cancel   context.CancelFunc
	written  chan struct{}  // closed after the last record
	beside   sync.WaitGroup // what uses the file beside the writing
	stopped  sync.WaitGroup

	mu     sync.RWMutex // held while a request is put in, and to close
	closed bool
	begun  bool

	status atomic.Pointer[ledger.Status]
	damage atomic.Pointer[error] // what the check at the start found
	logged atomic.Bool           // whether there is something to copy from the log

	// Of the writing goroutine.
	db        *database
	checked   os.FileInfo // the file that was checked
	nextOpen  time.Time
	lastErr   error
	failures  int
	complains time.Time
}

// request is a record that waits for its place.
type request struct {
	ctx        context.Context
	submission *ledger.Submission
	position   ledger.Position
	done       chan error // with room for one
}

// Open returns a store. It touches no file: that is left to [Store.Begin] and to
// the first record. The store must be closed.
func Open(cfg Config, opts ledger.Options) *Store {
	s := &Store{
		cfg:      cfg,
		opts:     opts,
		requests: make(chan *request, maxWaiting),
		jobs:     make(chan func()),
		written:  make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.status.Store(&ledger.Status{})
	s.stopped.Go(s.write)
	return s
}

// Begin implements [ledger.Ledger]. It opens the file, making it if there is
// none.
func (s *Store) Begin() error {
	s.mu.Lock()
	if !s.closed && !s.begun {
		s.begun = true
		s.beside.Go(s.maintain)
		s.beside.Go(s.copyLog)
	}
	s.mu.Unlock()
	return s.do(func() error { _, err := s.database(); return err })
}

// Append implements [ledger.Ledger].
func (s *Store) Append(ctx context.Context, submission *ledger.Submission) (ledger.Position, error) {
	req := &request{ctx: ctx, submission: submission, done: make(chan error, 1)}
	if err := s.enqueue(req); err != nil {
		return ledger.Position{}, err
	}
	select {
	case err := <-req.done:
		return req.position, err
	case <-ctx.Done():
		return ledger.Position{}, fmt.Errorf("waiting for the ledger: %w", ctx.Err())
	}
}

func (s *Store) enqueue(req *request) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ledger.ErrClosed
	}
	select {
	case s.requests <- req:
		return nil
	default:
		return ledger.ErrBusy
	}
}

// Status implements [ledger.Ledger].
func (s *Store) Status() ledger.Status {
	status := *s.status.Load()
	if damage := s.damage.Load(); damage != nil {
		status.Err = *damage
	}
	status.Bytes = size(s.cfg.Path)
	return status
}

// Close implements [ledger.Ledger].
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ledger.ErrClosed
	}
	s.closed = true
	close(s.requests)
	s.mu.Unlock()
	s.stopped.Wait()
	return nil
}

// do runs something in the writing goroutine.
func (s *Store) do(f func() error) error {
	done := make(chan error, 1)
	select {
	case s.jobs <- func() { done <- f() }:
		return <-done
	case <-s.written:
		return ledger.ErrClosed
	}
}

// write is the goroutine that alone writes records. It ends when every request from
// before the end is answered. Of the connections to the file, its own is the last to
// be closed, which copies the log into the file: one that only reads would leave it.
func (s *Store) write() {
	defer func() {
		close(s.written)
		s.cancel()
		s.beside.Wait()
		s.db.close()
	}()
	for {
		select {
		case req, ok := <-s.requests:
			if !ok {
				return
			}
			s.commit(s.batch(req))
		case job := <-s.jobs:
			job()
		}
	}
}

// batch returns a request and those that wait behind it.
func (s *Store) batch(first *request) []*request {
	batch := []*request{first}
	for len(batch) < maxBatch {
		select {
		case req, ok := <-s.requests:
			if !ok {
				return batch
			}
			batch = append(batch, req)
		default:
			return batch
		}
	}
	return batch
}

// commit writes a batch in one transaction and tells those who wait.
func (s *Store) commit(batch []*request) {
	waiting := batch[:0]
	for _, req := range batch {
		if err := req.ctx.Err(); err != nil {
			req.done <- err // nobody is told any more
		} else {
			waiting = append(waiting, req)
		}
	}
	if len(waiting) == 0 {
		return
	}
	db, err := s.database()
	if err == nil {
		begin := time.Now()
		if err = db.append(waiting); err == nil && s.opts.Committed != nil {
			s.opts.Committed(time.Since(begin))
		}
		s.settle(err)
		s.logged.Store(true)
	}
	for _, req := range waiting {
		req.done <- err
	}
}

// database returns the open file, opening it where that has yet to be done. A
// file that was moved away or replaced is left for what is there now: nobody
// would find what is written to it.
func (s *Store) database() (*database, error) {
	if damage := s.damage.Load(); damage != nil {
		return nil, *damage
	}
	if s.db != nil {
		if file, err := os.Stat(s.cfg.Path); err == nil && os.SameFile(file, s.db.file) {
			return s.db, nil
		}
		s.opts.Logger.Error("the ledger's file was moved or replaced; going on with what is there now", "file", s.cfg.Path)
		s.db.close()
		s.db = nil
	}
	if now := time.Now(); now.Before(s.nextOpen) {
		return nil, s.lastErr
	}
	db, err := open(s.ctx, s.cfg.Path, s.cfg.MaxBytes)
	if err != nil {
		err = fmt.Errorf("opening %s: %w", s.cfg.Path, err)
		s.nextOpen = time.Now().Add(retry)
		s.settle(err)
		return nil, err
	}
	s.db = db
	s.settle(nil)
	s.opts.Logger.Info("the ledger is open", "file", s.cfg.Path, "chain", db.chain, "head", db.head.String())
	if s.checked == nil || !os.SameFile(s.checked, db.file) {
		s.checked = db.file
		s.beside.Go(s.check)
	}
	return db, nil
}

// settle takes note of how an attempt to write went.
func (s *Store) settle(err error) {
	status := ledger.Status{Err: err}
	if s.db != nil {
		status.Head, status.Undelivered = s.db.head, s.db.undelivered(s.cfg.Outbox)
	}
	if err == nil {
		if s.failures > 0 {
			s.opts.Logger.Info("the ledger can be written again", "file", s.cfg.Path, "failed_attempts", s.failures)
		}
		s.failures, s.complains = 0, time.Time{}
	} else {
		s.lastErr = err
		s.failures++
		if !isBusy(err) {
			s.db.close() // whatever state it is in
			s.db = nil
		}
		if now := time.Now(); now.After(s.complains) {
			s.opts.Logger.Error("nothing can be recorded: visitors can refuse, but nobody can consent",
				"file", s.cfg.Path, "failed_attempts", s.failures, "error", err)
			s.complains = now.Add(complaint)
		}
	}
	s.status.Store(&status)
}

// check looks through the whole file for damage, beside the writing.
func (s *Store) check() {
	err := quickCheck(s.ctx, s.cfg.Path)
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	err = fmt.Errorf("checking %s: %w", s.cfg.Path, err)
	s.opts.Logger.Error("the ledger's file is damaged; nothing is written to it until it is replaced and Caddy restarted", "file", s.cfg.Path, "error", err)
	s.damage.Store(&err)
}

// Interface guards
var _ ledger.Ledger = (*Store)(nil)
