//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
)

// lockKey is the key of the advisory lock under which the tables and the list of
// chains change: the letters "cookie_c".
const lockKey = 0x636F6F6B69655F63

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables up to date. Machines that start together do it one
// after the other.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	if version, err := schemaVersion(ctx, conn); err != nil || version == len(files) {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockKey)); err != nil {
			return err
		}
		version, err := schemaVersion(ctx, tx.Conn())
		if err != nil {
			return err
		}
		if version > len(files) {
			return fmt.Errorf("the database was made by a newer version of this module: it has version %d, this one knows %d", version, len(files))
		}
		if version == 0 {
			if err := makeSchema(ctx, tx); err != nil {
				return fmt.Errorf("making the schema: %w", err)
			}
		}
		for ; version < len(files); version++ {
			text, err := migrations.ReadFile(fmt.Sprintf("migrations/%d.sql", version+1))
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, string(text)); err != nil {
				return fmt.Errorf("migrating to version %d: %w", version+1, err)
			}
		}
		_, err = tx.Exec(ctx, "UPDATE cookie_consent.version SET version = $1", version)
		return err
	})
}

// schemaVersion returns the version of the tables, 0 if there are none. It looks
// into the catalogue itself: to_regclass may remember, within a transaction, that
// there was no such table.
func schemaVersion(ctx context.Context, conn *pgx.Conn) (int, error) {
	var there bool
	if err := conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = 'cookie_consent' AND c.relname = 'version')`).Scan(&there); err != nil || !there {
		return 0, err
	}
	var version int
	err := conn.QueryRow(ctx, "SELECT version FROM cookie_consent.version").Scan(&version)
	return version, err
}

// makeSchema makes the schema unless an administrator did: to make one takes a
// right that the user may not have.
func makeSchema(ctx context.Context, tx pgx.Tx) error {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'cookie_consent')").Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA cookie_consent"); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `
		CREATE TABLE cookie_consent.version (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL);
		INSERT INTO cookie_consent.version (version) VALUES (0)`)
	return err
}
