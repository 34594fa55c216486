package consent

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"
)

// fingerprintBytes of the hash make the 12 characters of a fingerprint.
const fingerprintBytes = 9

// computeFingerprint hashes one record for everything that visitors are asked to
// consent to, in an order of its own.
func (p *Policy) computeFingerprint() string {
	cfg := p.cfg
	records := []string{
		record("revision", strconv.Itoa(cfg.Revision)),
		record("unknown", cfg.UnknownCookies, cfg.UnknownHosts),
	}
	for _, c := range p.categories {
		if p.NeedsConsent(c.Name) {
			records = append(records, record("category", c.Name))
		}
	}
	for i := range cfg.Cookies {
		c := &cfg.Cookies[i]
		if !p.NeedsConsent(c.Category) {
			continue
		}
		for _, pattern := range c.Patterns {
			records = append(records, record("cookie", pattern, c.Category, c.Provider, textRecord(c.Purpose)))
		}
	}
	for i := range cfg.Services {
		s := &cfg.Services[i]
		if s.Exempt != "" || !p.NeedsConsent(s.Category) {
			continue
		}
		records = append(records, record("service", s.ID, s.Category, s.Provider, textRecord(s.Purpose),
			listRecord(s.Cookies), listRecord(s.Hosts), listRecord(s.Paths), listRecord(s.Storage)))
	}
	sum := sha256.Sum256([]byte(listRecord(records)))
	return base64.RawURLEncoding.EncodeToString(sum[:fingerprintBytes])
}

// record joins fields so that no two lists of fields give the same bytes.
func record(fields ...string) string {
	var b []byte
	for _, field := range fields {
		b = binary.AppendUvarint(b, uint64(len(field)))
		b = append(b, field...)
	}
	return string(b)
}

// listRecord is a record of fields whose order means nothing.
func listRecord(fields []string) string {
	return record(slices.Sorted(slices.Values(fields))...)
}

func textRecord(t Text) string {
	fields := make([]string, 0, len(t))
	for tag, text := range t {
		fields = append(fields, record(tag, text))
	}
	return listRecord(fields)
}

// computeDigest hashes the whole configuration, texts included.
func (p *Policy) computeDigest() [sha256.Size]byte {
	b, err := json.Marshal(p.cfg)
	if err != nil {
		panic("consent: encoding a checked configuration: " + err.Error())
	}
	return sha256.Sum256(b)
}
