//go:build !((darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64)))

package cookieconsent

import (
	"context"
	"errors"
	"time"
)

var errNoSQLite = errors.New("SQLite does not run on this platform; configure another store, or 'ledger off'")

func fileStore(string) (Store, error) { return nil, errNoSQLite }

func pruneFile(context.Context, *ledgerSource, time.Time) (int, error) { return 0, errNoSQLite }
