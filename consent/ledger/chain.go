package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// AppendText implements [encoding.TextAppender].
func (d Digest) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, d[:]), nil }

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return d.AppendText(nil) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Digest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(d) {
		return fmt.Errorf("a digest has %d hexadecimal characters, not %d", 2*len(d), len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// Scan implements [database/sql.Scanner]. What is no digest becomes that of no
// record, so that a check finds it where it is and goes on.
func (d *Digest) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok && src != nil {
		return fmt.Errorf("a digest cannot be a %T", src)
	}
	*d = Digest{}
	if len(b) == len(d) {
		copy(d[:], b)
	}
	return nil
}

// NewChainID returns the id of a new chain: a UUID, made at random.
func NewChainID() string { return uuid.NewString() }

// Start returns the hash before the first record of a chain.
func Start(chain string) Digest {
	return sha256.Sum256([]byte("cookie-consent ledger\n" + chain))
}

// Next returns the hash of the record with the given body that follows the
// record with the given hash.
func Next(previous Digest, body []byte) Digest {
	var buf [512]byte
	return sha256.Sum256(append(append(buf[:0], previous[:]...), body...))
}

// Entry is a record in its place in a chain.
type Entry struct {
	// Sequence counts the records of a chain from 1.
	Sequence int64
	Body     []byte
	Hash     Digest
}

// Head is the end of a chain: the number of records that it ever had, and the
// hash of the last.
type Head struct {
	Count int64
	Hash  Digest
}

// String returns "<count>:<hash>".
func (h Head) String() string { return strconv.FormatInt(h.Count, 10) + ":" + h.Hash.String() }

// ParseHead reads what [Head.String] returns.
func ParseHead(s string) (Head, error) {
	count, hash, found := strings.Cut(s, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if !found || err != nil || n < 0 {
		return Head{}, fmt.Errorf("%q is not a head, a number of records and a hash with a colon between them", s)
	}
	h := Head{Count: n}
	if err := h.Hash.UnmarshalText([]byte(hash)); err != nil {
		return Head{}, fmt.Errorf("reading the head %q: %w", s, err)
	}
	return h, nil
}

// Chain describes a chain.
type Chain struct {
	ID   string
	Head Head

	// Last is the sequence number of the last record that there is, read
	// together with the head; the same as its count unless something is wrong.
	Last int64

	// Checkpoint stands for the records that were pruned, nil if none were.
	Checkpoint *Checkpoint
}

// Checkpoint is where a chain begins after its oldest records were pruned.
type Checkpoint struct {
	// Head is the last pruned record.
	Head

	// MAC authenticates the checkpoint: only who has the signing key can
	// shorten a chain at its beginning without that showing.
	MAC []byte
}

// ErrNoKey is returned for a checkpoint that cannot be checked without a key.
var ErrNoKey = errors.New("no signing key to check it with")

// Seal returns a checkpoint at the given head of a chain.
func Seal(key []byte, chain string, at Head) *Checkpoint {
	return &Checkpoint{Head: at, MAC: checkpointMAC(key, chain, at)}
}

// Verify checks that the checkpoint of a chain was sealed with one of the keys.
func (c *Checkpoint) Verify(chain string, keys [][]byte) error {
	if len(keys) == 0 {
		return ErrNoKey
	}
	for _, key := range keys {
		if hmac.Equal(c.MAC, checkpointMAC(key, chain, c.Head)) {
			return nil
		}
	}
	return errors.New("it was not made with the signing key")
}

func checkpointMAC(key []byte, chain string, at Head) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("cookie-consent ledger checkpoint\n" + chain + "\n" + at.String()))
	return mac.Sum(nil)
}
