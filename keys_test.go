package cookieconsent

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

func newTestKeyring(dir string, secrets ...string) *keyring {
	var configured [][]byte
	for _, secret := range secrets {
		configured = append(configured, deriveKey(secret))
	}
	return newKeyring(&certmagic.FileStorage{Path: dir}, configured, zap.NewNop())
}

// knows reports whether a keyring verifies what was signed with a key.
func (k *keyring) knows(key []byte) bool {
	return k.verify(func(keys [][]byte) bool {
		for _, other := range keys {
			if bytes.Equal(key, other) {
				return true
			}
		}
		return false
	})
}

func mustSign(t *testing.T, k *keyring) []byte {
	t.Helper()
	key, err := k.signing()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// To verify makes no key; to sign makes one, which every machine with the same
// storage then has.
func TestKeyIsMadeOnFirstNeed(t *testing.T) {
	dir := t.TempDir()
	if newTestKeyring(dir).knows(nil) {
		t.Error("a value without a key is verified")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Fatalf("the storage holds %v before anything was signed, error %v", entries, err)
	}
	key := mustSign(t, newTestKeyring(dir))
	if len(key) != keyLength || bytes.Equal(key, make([]byte, keyLength)) {
		t.Errorf("the key is %x", key)
	}
	other := newTestKeyring(dir)
	if !other.knows(key) || !bytes.Equal(mustSign(t, other), key) {
		t.Error("another machine has another key")
	}
	if bytes.Equal(mustSign(t, newTestKeyring(t.TempDir())), key) {
		t.Error("another storage has the same key")
	}
}

// Machines that sign for the first time at once agree on a key. Whom a slow storage
// keeps waiting for too long tries again.
func TestMachinesAgreeOnAKey(t *testing.T) {
	dir := t.TempDir()
	keys := make([][]byte, 8)
	var machines sync.WaitGroup
	for i := range keys {
		machines.Go(func() {
			machine := newTestKeyring(dir)
			for deadline := time.Now().Add(time.Minute); ; {
				key, err := machine.signing()
				if err == nil {
					keys[i] = key
					return
				}
				if time.Now().After(deadline) {
					t.Error(err)
					return
				}
			}
		})
	}
	machines.Wait()
	for _, key := range keys {
		if !bytes.Equal(key, keys[0]) {
			t.Errorf("keys %x and %x", key, keys[0])
		}
	}
}

// Keys go on verifying when others are put in front of them, and the one that was
// made goes on when some are configured.
func TestRotation(t *testing.T) {
	const first, second = "the first secret of this site", "the second secret of this site"
	dir := t.TempDir()
	made := mustSign(t, newTestKeyring(dir))
	old := mustSign(t, newTestKeyring(dir, first))
	if bytes.Equal(old, made) {
		t.Error("the configured key does not sign")
	}
	rotated := newTestKeyring(dir, second, first)
	if bytes.Equal(mustSign(t, rotated), old) {
		t.Error("the new key does not sign")
	}
	if !rotated.knows(old) || !rotated.knows(made) {
		t.Error("values from before the rotation are not verified")
	}
	if newTestKeyring(dir, second).knows(old) {
		t.Error("a key that was removed still verifies")
	}
}

// A storage that fails is an error to who signs, and what it holds is never
// replaced; once it works again, so does the keyring.
func TestFailingStorage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "storage")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := newTestKeyring(dir)
	if key, err := k.signing(); err == nil {
		t.Errorf("signed with %x and no storage", key)
	}
	if k.knows(nil) {
		t.Error("verified with no storage")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	mustSign(t, k)

	for name, document := range map[string]string{
		"cut off": `{"keys":["`, "empty": ``, "no keys": `{"keys":[]}`, "short key": `{"keys":["AAAA"]}`,
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, filepath.FromSlash(keyStorageKey))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
		if key, err := newTestKeyring(dir).signing(); err == nil {
			t.Errorf("%s: signed with %x", name, key)
		}
		if left, err := os.ReadFile(file); err != nil || string(left) != document {
			t.Errorf("%s: replaced by %q, error %v", name, left, err)
		}
	}
}
