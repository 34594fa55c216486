//go:build nosqlite || !((darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64)))

package cookieconsent

import (
	"context"
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() {
	caddy.RegisterModule(SQLite{})
}

var errNoSQLite = errors.New("this Caddy has no SQLite, which does not run on every platform, and so no place to record choices in; say 'ledger off' to record none")

// SQLite stands for the default store where there is none: every configuration
// with it fails.
type SQLite struct{}

// CaddyModule returns the Caddy module information.
func (SQLite) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "cookie_consent.stores.sqlite",
		New: func() caddy.Module { return new(SQLite) },
	}
}

// UnmarshalJSON fails.
func (*SQLite) UnmarshalJSON([]byte) error { return errNoSQLite }

// UnmarshalCaddyfile fails.
func (*SQLite) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return d.WrapErr(errNoSQLite)
}

// Provision fails.
func (*SQLite) Provision(caddy.Context) error { return errNoSQLite }

func fileStore(string) (Store, error) { return nil, errNoSQLite }

func pruneFile(context.Context, *ledgerSource, time.Time) (int, error) { return 0, errNoSQLite }

// Interface guards
var (
	_ caddy.Provisioner     = (*SQLite)(nil)
	_ caddyfile.Unmarshaler = (*SQLite)(nil)
)
