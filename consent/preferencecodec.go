package consent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The value of the preference cookie is
//
//	version "." fingerprint "." day "." method gpc "." granted "." refused "." exceptions "." tag
//
// in cookie-octets (RFC 6265, section 4.1.1): method is a, r, s or p; gpc is 0 or
// 1; granted and refused are sorted lists of category names, exceptions one of
// service ids behind "+" or "-", all with ":" in between; tag is an HMAC-SHA-256
// over the site and everything before it, cut to 128 bits, in base64url. There
// is exactly one value for a preference.
const (
	preferenceVersion = "1"
	preferenceFields  = 8
	tagBytes          = 16

	// maxPreferenceValue is above the longest value there can be.
	maxPreferenceValue = 2048

	// minKey is the least length of a key, in bytes.
	minKey = 16
)

// preferenceContext keeps tags apart from whatever else the key may sign.
const preferenceContext = "cookie consent preference"

var methodLetters = map[Method]string{AcceptAll: "a", RejectAll: "r", Save: "s", Placeholder: "p"}

// EncodePreference returns the value of the preference cookie. It is valid for
// one site and one key of at least 16 bytes, and the same for everybody with
// the same preference. It fails only for a preference that [Policy.Choose]
// would not make.
func (p *Policy) EncodePreference(pref *Preference, site string, key []byte) (string, error) {
	if len(key) < minKey {
		return "", fmt.Errorf("encoding the preference: the key has %d bytes, not %d or more", len(key), minKey)
	}
	if err := p.checkPreference(pref); err != nil {
		return "", fmt.Errorf("encoding the preference: %w", err)
	}
	b := make([]byte, 0, 128)
	b = append(b, preferenceVersion+"."...)
	b = append(b, p.fingerprint...)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(pref.Day), 10)
	b = append(b, '.')
	b = append(b, methodLetters[pref.Method]...)
	b = append(b, byte('0'+bit(pref.GPC)), '.')
	b = appendNames(b, pref.Categories, Granted)
	b = append(b, '.')
	b = appendNames(b, pref.Categories, Refused)
	b = append(b, '.')
	b = appendExceptions(b, pref.Services)
	tag := preferenceTag(string(b), site, key)
	b = append(b, '.')
	return string(append(b, tag...)), nil
}

// DecodePreference reads a value of the preference cookie. Any doubt is an
// error, and then the visitor counts as not asked: a value that is not in the
// one form [Policy.EncodePreference] gives, or was altered, was made for another
// site, under none of the keys or for another policy, that is dated more than
// one day ahead, or more days ago than maxAge has.
func (p *Policy) DecodePreference(value, site string, keys [][]byte, maxAge time.Duration, now time.Time) (*Preference, error) {
	pref, err := p.decodePreference(value, site, keys, maxAge, now)
	if err != nil {
		return nil, fmt.Errorf("reading the preference: %w", err)
	}
	return pref, nil
}

func (p *Policy) decodePreference(value, site string, keys [][]byte, maxAge time.Duration, now time.Time) (*Preference, error) {
	if len(value) > maxPreferenceValue {
		return nil, errors.New("it is too long")
	}
	fields := strings.SplitN(value, ".", preferenceFields+1)
	if len(fields) != preferenceFields || fields[0] != preferenceVersion {
		return nil, errors.New("it has another format")
	}
	if fields[1] != p.fingerprint {
		return nil, errors.New("it was made for another policy")
	}
	tag := fields[preferenceFields-1]
	payload := value[:len(value)-len(tag)-1]
	if !verifyTag(payload, tag, site, keys) {
		return nil, errors.New("its signature is not valid")
	}

	pref := &Preference{}
	var err error
	if pref.Day, err = strconv.Atoi(fields[2]); err != nil || pref.Day < 0 || strconv.Itoa(pref.Day) != fields[2] {
		return nil, errors.New("its day is not a day")
	}
	switch age := Today(now) - pref.Day; {
	case age < -1:
		return nil, errors.New("its day lies ahead")
	case time.Duration(age)*24*time.Hour > maxAge:
		return nil, errors.New("it is too old")
	}
	if pref.Method, pref.GPC, err = decodeMethod(fields[3]); err != nil {
		return nil, err
	}
	pref.Categories = map[string]State{}
	if err := decodeNames(pref.Categories, fields[4], Granted); err != nil {
		return nil, err
	}
	if err := decodeNames(pref.Categories, fields[5], Refused); err != nil {
		return nil, err
	}
	if pref.Services, err = decodeExceptions(fields[6]); err != nil {
		return nil, err
	}
	if err := p.checkPreference(pref); err != nil {
		return nil, err
	}
	return pref, nil
}

// checkPreference checks what a preference says. Names that the policy does not
// know may occur: what is exempt comes and goes without a new fingerprint.
func (p *Policy) checkPreference(pref *Preference) error {
	if pref.Day < 0 {
		return errors.New("its day is not a day")
	}
	if len(pref.Services) > MaxExceptions {
		return fmt.Errorf("it makes more than %d exceptions", MaxExceptions)
	}
	for _, c := range p.categories {
		if _, ok := pref.Categories[c.Name]; !ok && p.NeedsConsent(c.Name) && pref.Method != Placeholder {
			return fmt.Errorf("it says nothing of the category %s", c.Name)
		}
	}
	if len(pref.Categories) >= MaxCategories {
		return fmt.Errorf("it names more than %d categories", MaxCategories-1)
	}
	var only State
	switch pref.Method {
	case AcceptAll:
		only = Granted
	case RejectAll:
		only = Refused
	case Save, Placeholder:
		only = NotAsked
	default:
		return errors.New("its method is unknown")
	}
	for name, state := range pref.Categories {
		if !isCategoryName(name) || name == Necessary || state != Granted && state != Refused {
			return errors.New("it names what is not a category to choose")
		}
		if only != NotAsked && state != only {
			return errors.New("its method contradicts its states")
		}
	}
	for id, state := range pref.Services {
		if !isServiceID(id) || state != Granted && state != Refused {
			return errors.New("it names what is not a service to choose")
		}
		if only != NotAsked {
			return errors.New("its method contradicts its exceptions")
		}
	}
	return nil
}

func preferenceTag(payload, site string, key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.AppendUvarint([]byte(preferenceContext+"\x00"), uint64(len(site))))
	mac.Write([]byte(site))
	mac.Write([]byte(payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:tagBytes])
}

// verifyTag compares the text of the tag rather than its bytes, of which
// base64 has several spellings.
func verifyTag(payload, tag, site string, keys [][]byte) bool {
	for _, key := range keys {
		if len(key) >= minKey && hmac.Equal([]byte(tag), []byte(preferenceTag(payload, site, key))) {
			return true
		}
	}
	return false
}

func decodeMethod(s string) (Method, bool, error) {
	for method, letter := range methodLetters {
		switch s {
		case letter + "0":
			return method, false, nil
		case letter + "1":
			return method, true, nil
		}
	}
	return "", false, errors.New("its method is unknown")
}

// appendNames appends the sorted names that have a state.
func appendNames(b []byte, states map[string]State, state State) []byte {
	first := true
	for _, name := range slices.Sorted(maps.Keys(states)) {
		if states[name] != state {
			continue
		}
		if !first {
			b = append(b, ':')
		}
		b, first = append(b, name...), false
	}
	return b
}

func decodeNames(states map[string]State, list string, state State) error {
	previous := ""
	for name := range splitList(list) {
		if _, ok := states[name]; ok || name <= previous {
			return errors.New("its categories are out of order")
		}
		states[name], previous = state, name
	}
	return nil
}

// appendExceptions appends the exceptions, sorted by id.
func appendExceptions(b []byte, states map[string]State) []byte {
	for i, id := range slices.Sorted(maps.Keys(states)) {
		if i > 0 {
			b = append(b, ':')
		}
		if states[id] == Granted {
			b = append(b, '+')
		} else {
			b = append(b, '-')
		}
		b = append(b, id...)
	}
	return b
}

func decodeExceptions(list string) (map[string]State, error) {
	var states map[string]State
	previous := ""
	for entry := range splitList(list) {
		if states == nil {
			states = map[string]State{}
		}
		state := Refused
		id, ok := strings.CutPrefix(entry, "-")
		if !ok {
			state = Granted
			id, ok = strings.CutPrefix(entry, "+")
		}
		if !ok || id <= previous {
			return nil, errors.New("its exceptions are out of order")
		}
		states[id], previous = state, id
	}
	return states, nil
}

// splitList yields the entries of a list; an empty text is a list of none.
func splitList(list string) func(yield func(string) bool) {
	if list == "" {
		return func(func(string) bool) {}
	}
	return strings.SplitSeq(list, ":")
}
