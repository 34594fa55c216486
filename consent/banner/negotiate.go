package banner

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/text/language"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Bounds of what is read of a request's or page's languages and of what is
// remembered of it.
const (
	maxTagLength            = 64
	maxAcceptLanguageLength = 256
	maxRemembered           = 256
)

// Language returns the language to speak to a visitor in: the configured one,
// or that of the page (the bytes of the lang attribute of its html element as
// they stand), or that of the Accept-Language header (RFC 9110, section
// 12.5.4), or the default. Only a language that there are texts for, or a
// regional variety of it, counts. Repeated calls with the same arguments
// allocate nothing.
func (r *Renderer) Language(htmlLang, acceptLanguage string) string {
	if r.cfg.Language != "" {
		return r.cfg.Language
	}
	if len(htmlLang) <= maxTagLength {
		if lang := r.tags.get(htmlLang); lang != "" {
			return lang
		}
	}
	if len(acceptLanguage) > maxAcceptLanguageLength {
		acceptLanguage = acceptLanguage[:maxAcceptLanguageLength]
		acceptLanguage = acceptLanguage[:max(0, strings.LastIndexByte(acceptLanguage, ','))]
	}
	if lang := r.accepts.get(acceptLanguage); lang != "" {
		return lang
	}
	return r.cfg.DefaultLanguage
}

// configuredLanguage returns the language that an operator's tag stands for.
func configuredLanguage(option, tag string) (string, error) {
	if lang := matchTag(tag); lang != "" {
		return lang, nil
	}
	return "", &consent.ConfigError{Field: option, Value: tag, Problem: "is a language that there are no texts in", Allowed: Languages()}
}

// matchTag returns the language of the texts for one language tag, or "".
// Applications write tags with underscores and with parts that no registry
// knows, so where the whole is not a valid tag, its first part decides.
func matchTag(tag string) string {
	tag = strings.TrimSpace(tag)
	parsed, err := language.Parse(tag)
	if err != nil {
		end := strings.IndexAny(tag, "-_")
		if end < 0 {
			return ""
		}
		if parsed, err = language.Parse(tag[:end]); err != nil {
			return ""
		}
	}
	return match(parsed)
}

// matchAccept returns the language of the texts for an Accept-Language header,
// or "". A member that makes no sense takes no others with it.
func matchAccept(header string) string {
	type wish struct {
		tag    language.Tag
		weight float32
	}
	var wishes []wish
	for member := range strings.SplitSeq(header, ",") {
		tags, weights, err := language.ParseAcceptLanguage(member)
		if err != nil {
			continue
		}
		for i, tag := range tags {
			wishes = append(wishes, wish{tag, weights[i]})
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(b.weight, a.weight) })
	for _, w := range wishes {
		if lang := match(w.tag); lang != "" {
			return lang
		}
	}
	return ""
}

// match returns the language of the texts that is the wanted one, or "". The
// matcher of x/text alone would also offer a language that speakers of the
// wanted one often understand: then their next wish is better.
func match(tag language.Tag) string {
	found, i, confidence := matcher().Match(tag)
	wanted, _ := tag.Base()
	offered, _ := found.Base()
	if confidence < language.High || wanted != offered {
		return ""
	}
	return languages()[i]
}

var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, len(languages()))
	for i, lang := range languages() {
		tags[i] = language.Make(lang)
	}
	return language.NewMatcher(tags)
})

// A memo remembers the results of a function for the arguments that it is
// called with: reading takes no lock, and a visitor who sends ever new ones can
// only make it forget.
type memo struct {
	compute func(string) string
	known   atomic.Pointer[map[string]string]
	writing sync.Mutex
}

func newMemo(compute func(string) string) *memo {
	m := &memo{compute: compute}
	m.known.Store(&map[string]string{})
	return m
}

func (m *memo) get(key string) string {
	if result, ok := (*m.known.Load())[key]; ok {
		return result
	}
	result := m.compute(key)

	if !m.writing.TryLock() {
		return result
	}
	defer m.writing.Unlock()
	next := map[string]string{}
	if known := *m.known.Load(); len(known) < maxRemembered {
		next = maps.Clone(known)
	}
	next[strings.Clone(key)] = result
	m.known.Store(&next)
	return result
}
