package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

const (
	// writeInterval is how often the file is written at most.
	writeInterval = time.Minute

	// maxFile bounds the size of a file that is read, in bytes.
	maxFile = 128 << 20

	// maxText bounds a name, host or path that is read, in bytes.
	maxText = 512

	// maxAge is how long something is remembered that was not seen again: as long as
	// browsers keep a cookie.
	maxAge = consent.MaxLifetimeDays * 24 * time.Hour
)

// File keeps an inventory in a file: it is read by Begin, and written at most once a
// minute and by Close, each time as a whole, so that a crash loses a minute at most.
type File struct {
	*Inventory

	path   string
	logger *slog.Logger

	mu     sync.Mutex
	begun  bool
	broken bool        // the file can't be read, and is left as it is
	last   os.FileInfo // of the file as it was read or written last
	stop   chan struct{}
	done   chan struct{}
}

// NewFile returns the inventory of a file. Nothing is touched before Begin; what is
// noted before counts.
func NewFile(path string, shape func(name string) string, logger *slog.Logger) *File {
	return &File{Inventory: New(shape), path: path, logger: logger, stop: make(chan struct{}), done: make(chan struct{})}
}

// Begin reads the file and keeps it up to date from then on. It does so once.
func (f *File) Begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun {
		return
	}
	f.begun = true
	f.last, _ = os.Stat(f.path)
	switch stored, err := Read(f.path); {
	case err == nil:
		f.Add(stored, time.Now())
	case !errors.Is(err, fs.ErrNotExist):
		f.broken = true
		f.logger.Error("the inventory can't be read; it begins anew, in memory alone, until the file is moved away and Caddy is started again", "error", err)
	}
	go f.run()
}

func (f *File) run() {
	defer close(f.done)
	ticker := time.NewTicker(writeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.write()
		case <-f.stop:
			f.write()
			return
		}
	}
}

// write writes the file if there is something new.
func (f *File) write() {
	if f.broken || !f.changed.Swap(false) {
		return
	}
	f.heed(time.Now())
	if err := Write(f.path, f.Snapshot()); err != nil {
		f.changed.Store(true)
		f.logger.Error("the inventory could not be written", "error", err)
		return
	}
	f.last, _ = os.Stat(f.path)
}

// heed takes up what another process has written to the file since. Both began with the
// same, so that of each count the larger one is kept: what was seen is lost by neither.
func (f *File) heed(now time.Time) {
	info, err := os.Stat(f.path)
	if err != nil || f.last != nil && os.SameFile(info, f.last) && info.ModTime().Equal(f.last.ModTime()) {
		return
	}
	if stored, err := Read(f.path); err == nil {
		f.take(stored, now, true)
	}
}

// Close writes what is new. What is noted later is lost.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun {
		close(f.stop)
		<-f.done
		f.begun = false
	}
	return nil
}

// Snapshot returns what was found.
func (inv *Inventory) Snapshot() *Snapshot {
	snapshot := &Snapshot{Version: formVersion}
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	for host, s := range inv.sites {
		if found := s.snapshot(host); len(found.Cookies)+len(found.Hosts)+len(found.Days) > 0 {
			snapshot.Sites = append(snapshot.Sites, found)
		}
	}
	snapshot.sort()
	return snapshot
}

// Site returns what was found on one host.
func (inv *Inventory) Site(host string) Site {
	if inv == nil {
		return Site{Host: host}
	}
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	if s := inv.sites[host]; s != nil {
		return s.snapshot(host)
	}
	return Site{Host: host}
}

func (s *site) snapshot(host string) Site {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := Site{Host: host, Unlisted: s.unlisted, Days: s.days.all()}
	for _, r := range s.cookies {
		d := &r.details
		found.Cookies = append(found.Cookies, Cookie{
			Name: r.name, Set: r.total(SetCookie), Sent: r.total(Sent),
			HTTPOnly: d.httpOnly, Secure: d.secure, SameSite: d.sameSite, Partitioned: d.partitioned,
			Domain: d.domain, Path: d.path, Lifetime: d.lifetime, Seen: r.seen(),
		})
	}
	for _, r := range s.hosts {
		found.Hosts = append(found.Hosts, Host{
			Host: r.name, Markup: r.total(Markup), Link: r.total(Link), Report: r.total(Report), Seen: r.seen(),
		})
	}
	return found
}

func (r *record) seen() Seen {
	return Seen{First: time.Unix(r.first, 0).UTC(), Last: time.Unix(r.last.Load(), 0).UTC(), Paths: r.paths}
}

// Add adds what was found before, but for what was not seen for as long as browsers
// keep a cookie.
func (inv *Inventory) Add(found *Snapshot, now time.Time) { inv.take(found, now, false) }

// take is Add or, where the counts of found may be among those that there are, makes each
// of them the larger one.
func (inv *Inventory) take(found *Snapshot, now time.Time, among bool) {
	for i := range found.Sites {
		from := &found.Sites[i]
		inv.mu.Lock()
		s := inv.addSite(from.Host, now)
		inv.mu.Unlock()
		s.mu.Lock()
		if !among {
			s.unlisted += from.Unlisted
		} else {
			s.unlisted = max(s.unlisted, from.Unlisted)
		}
		s.days.restore(from.Days, now, among)
		for j := range from.Cookies {
			c := &from.Cookies[j]
			k := setCookies
			if c.Script() {
				k = sentCookies
			}
			s.restore(k, c.Name, &c.Seen, now, among, attributesSeen{
				c.HTTPOnly, c.Secure, c.Partitioned, c.SameSite, c.Domain, c.Path, c.Lifetime,
			}, [sources]uint64{SetCookie: c.Set, Sent: c.Sent})
		}
		for j := range from.Hosts {
			h := &from.Hosts[j]
			k := pageHosts
			if h.Markup+h.Link == 0 {
				k = reportHosts
			}
			s.restore(k, h.Host, &h.Seen, now, among, attributesSeen{}, [sources]uint64{Markup: h.Markup, Link: h.Link, Report: h.Report})
		}
		s.mu.Unlock()
	}
}

// restore adds a record to those that are there.
func (s *site) restore(k kind, name string, seen *Seen, now time.Time, among bool, details attributesSeen, counts [sources]uint64) {
	if now.Sub(seen.Last) > maxAge || len(name) > consent.MaxHost {
		return
	}
	r := s.find(k, name, now)
	if r == nil {
		s.unlisted++
		return
	}
	before := &record{first: seen.First.Unix(), paths: seen.Paths, details: details}
	before.last.Store(seen.Last.Unix())
	for source, n := range counts {
		if among {
			n -= min(n, r.total(Source(source)))
		}
		before.count(Source(source), n)
	}
	if r.total(SetCookie) > 0 {
		before.details = r.details
		before.details.lifetime = longer(r.details.lifetime, details.lifetime)
	}
	r.join(before)
}

// Read reads a file that [Write] wrote.
func Read(path string) (*Snapshot, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the inventory: %w", err)
	}
	if info.Size() > maxFile || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading the inventory %s: it is no file of at most %d MB", path, maxFile>>20)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the inventory: %w", err)
	}
	s, err := Decode(content)
	if err != nil {
		return nil, fmt.Errorf("reading the inventory %s: %w", path, err)
	}
	return s, nil
}

// Decode reads what a file holds.
func Decode(content []byte) (*Snapshot, error) {
	var s Snapshot
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, err
	}
	if s.Version != formVersion {
		return nil, fmt.Errorf("its version is %d, but this program knows %d alone", s.Version, formVersion)
	}
	if wrong, ok := s.findWrong(); ok {
		return nil, fmt.Errorf("%q can't have been noted", wrong)
	}
	return &s, nil
}

// findWrong returns a text that no inventory holds: names, hosts and paths are shown, and
// become part of configurations.
func (s *Snapshot) findWrong() (wrong string, ok bool) {
	check := func(texts ...string) {
		for _, text := range texts {
			if len(text) > maxText || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("\"`\\{}", c) }) {
				wrong, ok = text, true
			}
		}
	}
	for i := range s.Sites {
		site := &s.Sites[i]
		check(site.Host)
		for j := range site.Cookies {
			c := &site.Cookies[j]
			check(c.Name, c.SameSite, c.Domain, c.Path)
			check(c.Paths...)
		}
		for j := range site.Hosts {
			check(site.Hosts[j].Host)
			check(site.Hosts[j].Paths...)
		}
		for j := range site.Days {
			check(site.Days[j].names()...)
			if _, err := time.Parse(time.DateOnly, site.Days[j].Date); err != nil {
				return site.Days[j].Date, true
			}
		}
	}
	return wrong, ok
}

// Write writes a file in one step: whoever reads it finds what it was before or all of
// the new one. The folder is made if there is none.
func Write(path string, s *Snapshot) error {
	content, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return fmt.Errorf("encoding the inventory: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing the inventory: %w", err)
	}
	// Another process may write one too.
	file, err := os.OpenFile(fmt.Sprintf("%s.%d.new", path, os.Getpid()), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing the inventory: %w", err)
	}
	_, err = file.Write(append(content, '\n'))
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing the inventory: %w", err)
	}
	return nil
}
