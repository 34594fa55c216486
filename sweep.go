package cookieconsent

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
)

// The sweep deletes what one response has no room for. A page on which refused
// cookies are left over fetches an empty style sheet below the prefix, which sends
// further deletions and redirects to itself until all are sent. It needs no
// script and keeps nothing about the visitor: what is left to do stands in the
// address, sealed, because names of cookies and paths are nobody's business in a
// log.

const (
	sweepName = "sweep.css"

	// maxSweepHops bounds the redirects; browsers follow 20.
	maxSweepHops = 16

	// maxSweeps is how many sweeps one page starts.
	maxSweeps = 4

	// sweepPairs is about how many pairs of name and variant one sweep sends.
	sweepPairs = maxSweepHops * deletionBudget / 64

	// maxSweepNames bounds the names in one address, in bytes. What does not fit
	// is swept by the next page.
	maxSweepNames = 1024

	maxSweepPath = 1024
)

// appendSweeps appends the elements that start sweeps, each of its share. The
// medium keeps them from delaying what the page shows, the nonce from being blocked.
func (x *exchange) appendSweeps(dst []byte, origin, nonce string) []byte {
	path := x.url.EscapedPath()
	if len(path) > maxSweepPath {
		return dst
	}
	plain := []byte(path)
	size, names := 0, x.refused
	for i, name := range names {
		if size += len(name) + 1; size > maxSweepNames {
			names = names[:i]
			break
		}
		plain = append(append(plain, 0), name...)
	}
	token, err := x.seal(plain)
	if err != nil {
		x.handler.logger.Error("sealing the rest of the deletions failed; later pages go on with it", zap.Error(err))
		return dst
	}
	// What was learned changes from one request to the next, and went with the page:
	// sweeps go by what is possible, so that none is skipped.
	pairs := cookie.NewDeletions(x.host, path, x.secure, names, nil).Len()
	share := sweepPairs
	position := sweepPosition{left: share}
	if pairs > maxSweeps*share {
		// What does not fit now comes sooner or later, because sweeps begin
		// somewhere else each time.
		position.offset = mathrand.IntN(pairs)
		pairs = maxSweeps * share
	}
	for ; pairs > 0; pairs -= share {
		position.left = min(share, pairs)
		dst = append(dst, `<link rel="stylesheet" media="print"`...)
		if nonce != "" {
			dst = append(dst, ` nonce="`...)
			dst = append(dst, html.EscapeString(nonce)...)
			dst = append(dst, '"')
		}
		dst = append(dst, ` href="`...)
		dst = append(dst, html.EscapeString(origin)...)
		dst = append(dst, x.handler.Prefix...)
		dst = append(dst, sweepName+"?"...)
		dst = append(dst, token...)
		dst = append(dst, position.String()...)
		dst = append(dst, `">`...)
		position.offset += share
	}
	return dst
}

// sweepPosition is how far a sweep has come.
type sweepPosition struct {
	offset int // of the next pair of name and variant
	left   int // pairs to go
	hop    int // redirects so far
}

func (p sweepPosition) String() string { return fmt.Sprintf(".%d.%d.%d", p.offset, p.left, p.hop) }

func parseSweepPosition(s string) (p sweepPosition, ok bool) {
	fields := strings.Split(s, ".")
	if len(fields) != 3 {
		return p, false
	}
	for i, to := range []*int{&p.offset, &p.left, &p.hop} {
		n, err := strconv.ParseUint(fields[i], 10, 31)
		if err != nil {
			return p, false
		}
		*to = int(n)
	}
	return p, true
}

// serveSweep sends the deletions of one window. Only what this very visitor
// refused is deleted, whoever made the browser come here.
func (h *Handler) serveSweep(w http.ResponseWriter, x *exchange) error {
	header := w.Header()
	header.Set("Cache-Control", "private, no-store")
	header.Set("Content-Type", "text/css; charset=utf-8")
	token, rest, _ := strings.Cut(x.url.RawQuery, ".")
	path, names, sealed := x.unseal(token)
	position, ok := parseSweepPosition(rest)
	if !sealed || !ok || h.Mode != modeEnforce {
		w.WriteHeader(http.StatusNotFound)
		return nil
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		state, _ := x.decision.Cookie(name)
		return state != consent.Refused || name == h.CookieName
	})
	d := cookie.NewDeletions(x.host, path, x.secure, names, nil)
	if d.Len() == 0 {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	offset := position.offset % d.Len()
	lines, next := d.Lines(offset, deletionBudget)
	header["Set-Cookie"] = append(slices.Clip(header["Set-Cookie"]), lines...)
	x.countDeletions(lines)

	position = sweepPosition{offset: next % d.Len(), left: position.left - len(lines), hop: position.hop + 1}
	if position.left <= 0 || position.hop > maxSweepHops {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	header.Set("Location", h.Prefix+sweepName+"?"+token+position.String())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// sealer returns the cipher of sweeps for a signing key.
func sealer(key []byte) (cipher.AEAD, error) {
	derived := sha256.Sum256(append([]byte("cookie-consent sweep\x00"), key...))
	block, err := aes.NewCipher(derived[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (x *exchange) seal(plain []byte) (string, error) {
	key, err := x.handler.keys.signing()
	if err != nil {
		return "", err
	}
	aead, err := sealer(key)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, []byte(x.site))), nil
}

// unseal opens what [exchange.seal] sealed for this site.
func (x *exchange) unseal(token string) (path string, names []string, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", nil, false
	}
	ok = x.handler.keys.verify(func(keys [][]byte) bool {
		for _, key := range keys {
			aead, err := sealer(key)
			if err != nil || len(sealed) < aead.NonceSize() {
				continue
			}
			nonce, box := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
			if plain, err := aead.Open(nil, nonce, box, []byte(x.site)); err == nil {
				fields := strings.Split(string(plain), "\x00")
				path, names = fields[0], fields[1:]
				return true
			}
		}
		return false
	})
	return path, names, ok
}
