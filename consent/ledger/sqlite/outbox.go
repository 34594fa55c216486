//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import "context"

// Delivered notes up to which record a second store has the chain, so that the
// records until there may be pruned. The caller must not have closed the store.
func (s *Store) Delivered(ctx context.Context, chain string, count int64) error {
	return s.do(func() error {
		db, err := s.database()
		if err != nil {
			return err
		}
		if db.chain != chain || count == db.delivered {
			return nil // the file was replaced meanwhile, or nothing is new
		}
		err = db.exec(ctx, "INSERT INTO delivery (one, count) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET count = excluded.count", count)
		if err == nil {
			db.delivered = count
		}
		s.settle(err)
		return err
	})
}
