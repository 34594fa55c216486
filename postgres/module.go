//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

// Package postgres gathers the ledgers of consent of several machines in one
// PostgreSQL database. It is a part of Caddy only where it is linked:
//
//	xcaddy build --with github.com/cookieconsent/caddy-cookie-consent --with github.com/cookieconsent/caddy-cookie-consent/postgres
//
// A choice is recorded in a file on the machine, as without this package, before
// the visitor gets the answer; from there it is delivered, at least once and
// idempotently. PostgreSQL may be away for days without anybody noticing but the
// operator, who sees it in the log and the metrics.
package postgres

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger/sqlite"
)

func init() {
	caddy.RegisterModule(Postgres{})
}

// defaultMaxSize is as that of the store without PostgreSQL.
const defaultMaxSize = 16 << 30

// Postgres keeps the ledger of consent in a file on this machine and delivers it
// from there to a PostgreSQL database that several machines may share.
type Postgres struct {
	// DSN is the database, as a URL or in key=value form, with everything that
	// PostgreSQL's own programs understand, such as sslmode=verify-full. May hold
	// placeholders such as {env.CONSENT_DSN}. Its tables are in the schema
	// cookie_consent, which is made if it is missing.
	DSN string `json:"dsn,omitempty"`

	// Path is the absolute path of the file on this machine. Default:
	// cookie_consent/consent.db in Caddy's data directory.
	Path string `json:"path,omitempty"`

	// MaxSize is the size of the file, in bytes, at which nothing more is
	// recorded. Default: 16 GiB.
	MaxSize int64 `json:"max_size,omitempty"`

	config *pgxpool.Config
}

// CaddyModule returns the Caddy module information.
func (Postgres) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "cookie_consent.stores.postgres",
		New: func() caddy.Module { return new(Postgres) },
	}
}

// Provision fills in the defaults and reads the DSN. It connects to nothing.
func (p *Postgres) Provision(caddy.Context) error {
	repl := caddy.NewReplacer()
	p.DSN, p.Path = repl.ReplaceAll(p.DSN, ""), repl.ReplaceAll(p.Path, "")
	if p.Path == "" {
		p.Path = filepath.Join(caddy.AppDataDir(), "cookie_consent", "consent.db")
	}
	if p.MaxSize == 0 {
		p.MaxSize = defaultMaxSize
	}
	if p.DSN == "" {
		return fmt.Errorf("the store postgres needs a dsn")
	}
	var err error
	if p.config, err = poolConfig(p.DSN); err != nil {
		return err
	}
	return nil
}

// Validate checks the configuration.
func (p *Postgres) Validate() error {
	if !filepath.IsAbs(p.Path) {
		return fmt.Errorf("the path '%s' of the ledger is not absolute", p.Path)
	}
	return nil
}

// poolConfig reads a DSN. Its errors do not tell the password.
func poolConfig(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("reading the dsn of the store postgres: %w", err)
	}
	config.MaxConns = 2
	config.MinConns = 0
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.ConnConfig.RuntimeParams["application_name"] = "caddy cookie_consent"
	return config, nil
}

// OpenLedger implements the root package's Store.
func (p *Postgres) OpenLedger(options ledger.Options) ledger.Ledger {
	local := sqlite.Open(sqlite.Config{Path: p.Path, MaxBytes: p.MaxSize, Outbox: true}, options)
	return newDelivery(local, p.Path, p.config, options.Logger)
}

// OpenReader implements the root package's Store: it reads the database, with
// the chains of all machines.
func (p *Postgres) OpenReader(ctx context.Context) (ledger.Reader, error) {
	return openReader(ctx, p.config)
}

// File implements the root package's Store.
func (p *Postgres) File() (path string, outbox bool) { return p.Path, true }

// UnmarshalCaddyfile sets up the store from Caddyfile tokens. Syntax:
//
//	postgres <dsn> {
//		path <path>
//	}
func (p *Postgres) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	if !d.AllArgs(&p.DSN) {
		return d.Errf("postgres takes one DSN, such as postgres://user@host/database?sslmode=verify-full; put quotes around one with spaces")
	}
	if p.DSN[0] != '{' {
		if _, err := poolConfig(p.DSN); err != nil {
			return d.WrapErr(err)
		}
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "path" {
			return d.Errf("'%s' is not an option of postgres; allowed: path", d.Val())
		}
		if !d.AllArgs(&p.Path) || !filepath.IsAbs(p.Path) && p.Path[0] != '{' {
			return d.Errf("path takes one absolute path")
		}
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Postgres)(nil)
	_ caddy.Validator       = (*Postgres)(nil)
	_ caddyfile.Unmarshaler = (*Postgres)(nil)
)
