package cookieconsent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

const (
	keyStorageKey = "cookie_consent/signing_keys.json"
	keyLockName   = "cookie_consent_signing_key"
	keyLength     = 32

	// keyRetry is the shortest time between two looks into the storage for a
	// key that was not there: forged cookies must not become storage traffic.
	keyRetry = time.Second

	// keyTimeout bounds how long visitors can wait for the storage.
	keyTimeout = 3 * time.Second
)

// keyring holds the keys that authenticate preference cookies: the configured
// ones and those in Caddy's storage. The storage is read when a first cookie has
// to be verified and written when a first one has to be signed, never earlier.
type keyring struct {
	storage    certmagic.Storage
	configured [][]byte
	logger     *zap.Logger

	stored atomic.Pointer[[][]byte] // nil until there are some

	mu       sync.Mutex
	nextLook time.Time
}

// storedKeys is the document in the storage. The first key signs.
type storedKeys struct {
	Keys [][]byte `json:"keys"`
}

func newKeyring(storage certmagic.Storage, configured [][]byte, logger *zap.Logger) *keyring {
	return &keyring{storage: storage, configured: configured, logger: logger}
}

// deriveKey turns a configured secret of any length into a key.
func deriveKey(secret string) []byte {
	sum := sha256.Sum256([]byte("cookie-consent signing key\x00" + secret))
	return sum[:]
}

// verify reports whether use succeeds with a set of keys: the configured ones, or
// else those in the storage.
func (k *keyring) verify(use func(keys [][]byte) bool) bool {
	if len(k.configured) > 0 && use(k.configured) {
		return true
	}
	stored := k.storedKeys()
	return len(stored) > 0 && use(stored)
}

// storedKeys returns the keys in the storage; none if there are none yet or the
// storage can't be read. Who comes while it is read waits for the outcome.
func (k *keyring) storedKeys() [][]byte {
	if keys := k.stored.Load(); keys != nil {
		return *keys
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stored.Load() == nil && time.Now().After(k.nextLook) {
		if err := k.load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			k.logger.Error("reading the signing key failed; visitors may be asked again", zap.Error(err))
		}
		k.nextLook = time.Now().Add(keyRetry)
	}
	if keys := k.stored.Load(); keys != nil {
		return *keys
	}
	return nil
}

// all returns the keys that may have signed something, without making any.
func (k *keyring) all() [][]byte { return slices.Concat(k.configured, k.storedKeys()) }

// signing returns the key to sign with, making and storing one where there is none.
func (k *keyring) signing() ([]byte, error) {
	if len(k.configured) > 0 {
		return k.configured[0], nil
	}
	if keys := k.stored.Load(); keys != nil {
		return (*keys)[0], nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stored.Load() == nil {
		if err := k.create(); err != nil {
			return nil, err
		}
	}
	return (*k.stored.Load())[0], nil
}

// load reads the stored keys. The caller holds the mutex.
func (k *keyring) load() error {
	ctx, cancel := context.WithTimeout(context.Background(), keyTimeout)
	defer cancel()
	raw, err := k.storage.Load(ctx, keyStorageKey)
	if err != nil {
		return fmt.Errorf("loading %s: %w", keyStorageKey, err)
	}
	var document storedKeys
	if err := json.Unmarshal(raw, &document); err != nil {
		return fmt.Errorf("decoding %s: %w", keyStorageKey, err)
	}
	for _, key := range document.Keys {
		if len(key) != keyLength {
			return fmt.Errorf("decoding %s: a key has %d bytes instead of %d", keyStorageKey, len(key), keyLength)
		}
	}
	if len(document.Keys) == 0 {
		return fmt.Errorf("decoding %s: it holds no key", keyStorageKey)
	}
	k.stored.Store(&document.Keys)
	return nil
}

// create makes a key unless another machine was faster. The storage's lock makes
// sure that machines which start together agree on one. The caller holds the mutex.
func (k *keyring) create() error {
	if err := k.load(); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err // another machine's key, or one that must not be overwritten
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyTimeout)
	defer cancel()
	if err := k.storage.Lock(ctx, keyLockName); err != nil {
		if k.load() == nil {
			return nil // made by who had the lock
		}
		return fmt.Errorf("locking the storage for the signing key: %w", err)
	}
	defer func() {
		if err := k.storage.Unlock(context.Background(), keyLockName); err != nil {
			k.logger.Error("unlocking the storage after making the signing key failed", zap.Error(err))
		}
	}()

	err := k.load()
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key := make([]byte, keyLength)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("making a signing key: %w", err)
	}
	raw, err := json.Marshal(storedKeys{Keys: [][]byte{key}})
	if err != nil {
		return fmt.Errorf("encoding the signing key: %w", err)
	}
	if err := k.storage.Store(ctx, keyStorageKey, raw); err != nil {
		return fmt.Errorf("storing the signing key: %w", err)
	}
	k.logger.Info("made a signing key for preference cookies", zap.String("storage_key", keyStorageKey))
	return k.load()
}
