//go:build !nosqlite && ((darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64)))

package cookieconsent

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger/sqlite"
)

func init() {
	caddy.RegisterModule(SQLite{})
}

const (
	defaultMaxSize = 16 << 30
	minMaxSize     = 1 << 20
)

// SQLite keeps the ledger of consent in a file on this machine. It is the
// default.
type SQLite struct {
	// Path is the absolute path of the file, on a local disk. Default:
	// cookie_consent/consent.db in Caddy's data directory.
	Path string `json:"path,omitempty"`

	// MaxSize is the size of the file, in bytes, at which nothing more is
	// recorded: visitors can refuse then, but nobody can consent. An error is
	// logged from four fifths of it. Default: 16 GiB, some 20 million choices.
	MaxSize int64 `json:"max_size,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (SQLite) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "cookie_consent.stores.sqlite",
		New: func() caddy.Module { return new(SQLite) },
	}
}

// Provision fills in the defaults. It touches no file.
func (s *SQLite) Provision(caddy.Context) error {
	s.Path = caddy.NewReplacer().ReplaceAll(s.Path, "")
	if s.Path == "" {
		s.Path = filepath.Join(caddy.AppDataDir(), "cookie_consent", "consent.db")
	}
	if s.MaxSize == 0 {
		s.MaxSize = defaultMaxSize
	}
	return nil
}

// Validate checks the configuration.
func (s *SQLite) Validate() error {
	if !filepath.IsAbs(s.Path) {
		return fmt.Errorf("the path '%s' of the ledger is not absolute", s.Path)
	}
	if s.MaxSize < minMaxSize {
		return fmt.Errorf("max_size %d of the ledger is less than %d bytes", s.MaxSize, int64(minMaxSize))
	}
	return nil
}

// OpenLedger implements [Store].
func (s *SQLite) OpenLedger(options ledger.Options) ledger.Ledger {
	return sqlite.Open(sqlite.Config{Path: s.Path, MaxBytes: s.MaxSize}, options)
}

// OpenReader implements [Store].
func (s *SQLite) OpenReader(ctx context.Context) (ledger.Reader, error) {
	return sqlite.OpenReader(ctx, s.Path)
}

// File implements [Store].
func (s *SQLite) File() (path string, outbox bool) { return s.Path, false }

// UnmarshalCaddyfile sets up the store from Caddyfile tokens. Syntax:
//
//	sqlite [<path>] {
//		max_size <size>
//	}
func (s *SQLite) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	if d.NextArg() {
		s.Path = d.Val()
		if !filepath.IsAbs(s.Path) && s.Path[0] != '{' {
			return d.Errf("the path '%s' of the ledger is not absolute", s.Path)
		}
	}
	if d.NextArg() {
		return d.Errf("sqlite takes one path, but found '%s' as well", d.Val())
	}
	p := &parser{Dispenser: d, positions: map[string]caddyfile.Token{}}
	return p.block("sqlite", func(option string) error {
		if option != "max_size" {
			return p.unknownOption("sqlite", option, "max_size")
		}
		var text string
		if err := p.word("max_size", &text); err != nil {
			return err
		}
		size, err := humanize.ParseBytes(text)
		if err != nil || size < minMaxSize || size > 1<<50 {
			return p.Errf("max_size '%s' is not a size from 1MiB such as 16GiB", text)
		}
		s.MaxSize = int64(size)
		return nil
	})
}

// fileStore returns the store of a file that is not configured.
func fileStore(file string) (Store, error) {
	path, err := filepath.Abs(file)
	return &SQLite{Path: path}, err
}

// pruneFile removes the records from before a time.
func pruneFile(ctx context.Context, source *ledgerSource, before time.Time) (int, error) {
	path, outbox := source.store.File()
	report := progress()
	return sqlite.Prune(ctx, path, before, outbox, source.keys.signing, func(n int) { report(int64(n)) })
}

// Interface guards
var (
	_ caddy.Provisioner     = (*SQLite)(nil)
	_ caddy.Validator       = (*SQLite)(nil)
	_ caddyfile.Unmarshaler = (*SQLite)(nil)
	_ Store                 = (*SQLite)(nil)
)
