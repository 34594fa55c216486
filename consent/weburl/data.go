package weburl

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// Data reads a URL that holds what it stands for (RFC 2397, as section 6 of the Fetch
// standard reads it): the essence of its type in lower case, and the content. The
// essence is "" where it is not certain what browsers make of it. Of any other URL,
// Data reports false.
func Data(s string) (essence string, content []byte, isData bool) {
	s, ok := trim(s)
	if ok && (s == "" || s[0]|0x20 != 'd') {
		return "", nil, false
	}
	s = withoutBreaks(s)
	if !hasPrefixFold(s, "data:") {
		return "", nil, false
	}
	s, _, _ = strings.Cut(s[len("data:"):], "#")
	header, body, ok := strings.Cut(s, ",")
	if !ok {
		return "", nil, true
	}
	essence, parameters, _ := strings.Cut(strings.ToLower(header), ";")
	content = unescape(body)
	words := strings.Split(parameters, ";")
	for i, word := range words {
		if strings.Trim(word, spaces) != "base64" {
			continue
		}
		if i < len(words)-1 { // Chromium decodes there too
			return "", nil, true
		}
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(withoutSpaces(content), "="))
		if err != nil {
			return "", nil, true
		}
		content = decoded
	}
	if essence = strings.Trim(essence, spaces); essence == "" {
		essence = "text/plain"
	}
	return essence, content, true
}

// unescape undoes percent-encoding, as far as it is any.
func unescape(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b = append(b, c...)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return b
}

func withoutSpaces(b []byte) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(spaces, c) {
			return -1
		}
		return c
	}, string(b))
}
