package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Finding is something wrong with a ledger.
type Finding struct {
	Chain string

	// First and Last are the sequence numbers of the records concerned, 0 if
	// it is no record.
	First, Last int64

	Problem string
}

// String returns the finding as a sentence.
func (f Finding) String() string {
	switch f.First {
	case 0:
		return fmt.Sprintf("chain %s: %s", f.Chain, f.Problem)
	case f.Last:
		return fmt.Sprintf("chain %s, record %d: %s", f.Chain, f.First, f.Problem)
	default:
		return fmt.Sprintf("chain %s, records %d to %d: %s", f.Chain, f.First, f.Last, f.Problem)
	}
}

// Verification is the outcome of [Verify].
type Verification struct {
	Chains  []Chain
	Records int64 // that were checked
	Pruned  int64 // that a checkpoint stands for

	// Unsealed lists chains whose checkpoint nobody could check for want of a key.
	Unsealed []string
}

// Verify checks every chain of a store: that each record follows the one before,
// that none is missing, that the last one is the head, that a checkpoint was
// sealed with one of the keys, and that what was shown is there and unaltered.
// With kept heads, noted elsewhere at an earlier time, it also checks that those
// records are still there: only they can tell that a chain was replaced as a
// whole. It calls found for everything that is wrong, and returns an error only
// if it could not read on. progress, which may be nil, is called now and then
// with the number of records checked.
func Verify(ctx context.Context, r Reader, keys [][]byte, kept []KeptHead, found func(Finding), progress func(int64)) (*Verification, error) {
	v := &verifier{reader: r, keys: keys, found: found, progress: progress, shown: map[Digest]bool{}}
	for shown, err := range r.Shown(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading what was shown: %w", err)
		}
		v.shown[shown.Digest] = true
		if sha256.Sum256(shown.Document) != shown.Digest {
			found(Finding{Problem: fmt.Sprintf("what was shown under %s was altered", shown.Digest)})
		}
	}
	chains, err := r.Chains(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the chains: %w", err)
	}
	v.Chains = chains
	missing := kept
	for _, chain := range chains {
		var here []Head
		here, missing = headsOf(chain.ID, missing, len(chains) == 1)
		if err := v.chain(ctx, chain, here); err != nil {
			return nil, err
		}
	}
	for _, head := range missing {
		found(Finding{Chain: head.Chain, Problem: "the chain of the kept head " + head.Head.String() + " is missing"})
	}
	return &v.Verification, nil
}

// KeptHead is a head that was noted outside of the ledger.
type KeptHead struct {
	Chain string // "" for the only chain of a store
	Head
}

// headsOf parts the heads of one chain from those of others.
func headsOf(chain string, heads []KeptHead, only bool) (here []Head, others []KeptHead) {
	for _, head := range heads {
		if head.Chain == chain || head.Chain == "" && only {
			here = append(here, head.Head)
		} else {
			others = append(others, head)
		}
	}
	return here, others
}

type verifier struct {
	Verification
	reader   Reader
	keys     [][]byte
	found    func(Finding)
	progress func(int64)
	shown    map[Digest]bool

	lastShown string // the digest that a record had last, most have the same
}

// progressStep is after how many records progress is told.
const progressStep = 100_000

func (v *verifier) chain(ctx context.Context, c Chain, kept []Head) error {
	previous := Head{Hash: Start(c.ID)}
	if c.Checkpoint != nil {
		previous = c.Checkpoint.Head
		v.Pruned += previous.Count
		if err := c.Checkpoint.Verify(c.ID, v.keys); errors.Is(err, ErrNoKey) {
			v.Unsealed = append(v.Unsealed, c.ID)
		} else if err != nil {
			v.found(Finding{Chain: c.ID, Problem: fmt.Sprintf("the checkpoint after record %d is forged: %v", previous.Count, err)})
		}
	}
	first := previous
	wanted, hashes := map[int64]bool{}, map[int64]Digest{}
	for _, head := range kept {
		wanted[head.Count] = true
	}
	for entry, err := range v.reader.Entries(ctx, c.ID, previous.Count, c.Last) {
		if err != nil {
			return fmt.Errorf("reading chain %s after record %d: %w", c.ID, previous.Count, err)
		}
		if entry.Sequence > previous.Count+1 {
			if previous, err = v.pruned(ctx, c.ID, previous, entry.Sequence); err != nil {
				return err
			}
		}
		v.follow(c.ID, previous, &entry)
		previous = Head{Count: entry.Sequence, Hash: entry.Hash}
		if wanted[entry.Sequence] {
			hashes[entry.Sequence] = entry.Hash
		}
		if v.Records++; v.Records%progressStep == 0 && v.progress != nil {
			v.progress(v.Records)
		}
	}
	v.end(&c, previous)
	for _, head := range kept {
		if head == first || head.Count < first.Count {
			continue // pruned: nothing is left that could differ
		}
		if hash, there := hashes[head.Count]; !there || hash != head.Hash {
			v.found(Finding{Chain: c.ID, First: head.Count, Last: head.Count, Problem: "it is not the record of the kept head: the chain was cut or written anew"})
		}
	}
	return nil
}

// pruned returns where a chain goes on before a record with the given sequence
// number if the records between were pruned since the chain was looked at.
func (v *verifier) pruned(ctx context.Context, id string, previous Head, sequence int64) (Head, error) {
	chains, err := v.reader.Chains(ctx)
	if err != nil {
		return previous, fmt.Errorf("reading the chains again: %w", err)
	}
	for _, c := range chains {
		if c.ID == id && c.Checkpoint != nil && c.Checkpoint.Count == sequence-1 && c.Checkpoint.Verify(id, v.keys) == nil {
			return c.Checkpoint.Head, nil
		}
	}
	return previous, nil
}

// follow checks that an entry follows what was before it.
func (v *verifier) follow(chain string, previous Head, entry *Entry) {
	if missing := entry.Sequence - previous.Count - 1; missing > 0 {
		v.found(Finding{Chain: chain, First: previous.Count + 1, Last: entry.Sequence - 1, Problem: "missing"})
	} else if Next(previous.Hash, entry.Body) != entry.Hash {
		v.found(Finding{Chain: chain, First: entry.Sequence, Last: entry.Sequence, Problem: "altered, or put in another place"})
	}
	if !v.wasShown(entry.Body) {
		v.found(Finding{Chain: chain, First: entry.Sequence, Last: entry.Sequence, Problem: "what was shown to the visitor is missing"})
	}
}

// shownField stands before the digest of what was shown in a body, and nowhere
// else: in a JSON string its quotes would have backslashes before them.
var shownField = []byte(`"shown":"`)

// wasShown reports whether what a body says was shown is there.
func (v *verifier) wasShown(body []byte) bool {
	text := shownText(body)
	if v.lastShown != "" && string(text) == v.lastShown {
		return true
	}
	var digest Digest
	if digest.UnmarshalText(text) != nil || !v.shown[digest] {
		return false
	}
	v.lastShown = string(text)
	return true
}

func shownText(body []byte) []byte {
	_, rest, _ := bytes.Cut(body, shownField)
	text, _, _ := bytes.Cut(rest, []byte{'"'})
	return text
}

// ShownOf returns the digest of what was shown to the visitor of a record.
func ShownOf(body []byte) (Digest, error) {
	var digest Digest
	return digest, digest.UnmarshalText(shownText(body))
}

// end checks that a chain ends with its head.
func (v *verifier) end(c *Chain, last Head) {
	switch {
	case last.Count < c.Head.Count:
		v.found(Finding{Chain: c.ID, First: last.Count + 1, Last: c.Head.Count, Problem: "missing at the end"})
	case last.Count > c.Head.Count:
		v.found(Finding{Chain: c.ID, First: c.Head.Count + 1, Last: last.Count, Problem: "more than the head counts"})
	case last.Hash != c.Head.Hash:
		v.found(Finding{Chain: c.ID, First: last.Count, Last: last.Count, Problem: "its hash is not that of the head"})
	}
}

// IDOf returns the id of a record.
func IDOf(body []byte) (uuid.UUID, error) {
	var record struct {
		ID uuid.UUID `json:"id"`
	}
	err := json.Unmarshal(body, &record)
	return record.ID, err
}
