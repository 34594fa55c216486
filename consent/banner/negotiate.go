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
// regional variety of it, counts; where that leaves none but the default, so
// does one that readers of the wanted language read. Repeated calls with the
// same arguments allocate nothing.
func (r *Renderer) Language(htmlLang, acceptLanguage string) string {
	if r.cfg.Language != "" {
		return r.cfg.Language
	}
	var page guess
	if len(htmlLang) <= maxTagLength {
		page = r.tags.get(htmlLang)
	}
	if page.sure {
		return page.lang
	}
	if len(acceptLanguage) > maxAcceptLanguageLength {
		acceptLanguage = acceptLanguage[:maxAcceptLanguageLength]
		acceptLanguage = acceptLanguage[:max(0, strings.LastIndexByte(acceptLanguage, ','))]
	}
	visitor := r.accepts.get(acceptLanguage)
	if visitor.sure {
		return visitor.lang
	}
	return cmp.Or(page.lang, visitor.lang, r.cfg.DefaultLanguage)
}

// configuredLanguage returns the language that an operator's tag stands for.
func configuredLanguage(option, tag string) (string, error) {
	if g := matchTag(tag); g.sure {
		return g.lang, nil
	}
	return "", &consent.ConfigError{Field: option, Value: tag, Problem: "is a language that there are no texts in", Allowed: Languages()}
}

// A guess is a language of the texts for a wish.
type guess struct {
	lang string // "" for none
	sure bool   // it is the wanted language, not merely one that its readers read
}

// matchTag returns the language of the texts for one language tag.
// Applications write tags with underscores and with parts that no registry
// knows, so where the whole is not a valid tag, its first part decides.
func matchTag(tag string) guess {
	tag = strings.TrimSpace(tag)
	parsed, err := language.Parse(tag)
	if err != nil {
		end := strings.IndexAny(tag, "-_")
		if end < 0 {
			return guess{}
		}
		if parsed, err = language.Parse(tag[:end]); err != nil {
			return guess{}
		}
	}
	return match(parsed)
}

// matchAccept returns the language of the texts for an Accept-Language header. A
// member that makes no sense takes no others with it.
func matchAccept(header string) guess {
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
	var best guess
	for _, w := range wishes {
		g := match(w.tag)
		if g.sure {
			return g
		}
		best = cmp.Or(best, g)
	}
	return best
}

// readBy holds languages that there are no texts in and whose readers, nearly all of
// them, also read one that there are texts in. The matcher of x/text knows more such
// pairs, but goes by language areas where it should go by what readers would accept.
var readBy = map[string]string{
	"bs": "hr", "cnr": "hr", "sr": "hr",
	"ca": "es", "eu": "es", "gl": "es",
	"fo": "da", "kl": "da",
	"fy": "nl",
	"lb": "de",
}

// match returns the language of the texts for a language tag. Another language than
// the wanted one, or another script, is no sure match: the next wish may be better.
func match(tag language.Tag) guess {
	found, i, confidence := matcher().Match(tag)
	wanted := base(tag)
	if confidence == language.No || base(found) != wanted {
		return guess{lang: readBy[wanted]}
	}
	return guess{languages()[i], confidence >= language.High}
}

// base returns the primary language of a tag. Standard Arabic is Arabic, Mandarin is
// Chinese, and both written forms of Norwegian are Norwegian.
func base(tag language.Tag) string {
	if canonical, err := language.All.Canonicalize(tag); err == nil {
		tag = canonical
	}
	lang, _ := tag.Base()
	if lang.String() == "nn" {
		return "no"
	}
	return lang.String()
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
	compute func(string) guess
	known   atomic.Pointer[map[string]guess]
	writing sync.Mutex
}

func newMemo(compute func(string) guess) *memo {
	m := &memo{compute: compute}
	m.known.Store(&map[string]guess{})
	return m
}

func (m *memo) get(key string) guess {
	if result, ok := (*m.known.Load())[key]; ok {
		return result
	}
	result := m.compute(key)

	if !m.writing.TryLock() {
		return result
	}
	defer m.writing.Unlock()
	next := map[string]guess{}
	if known := *m.known.Load(); len(known) < maxRemembered {
		next = maps.Clone(known)
	}
	next[strings.Clone(key)] = result
	m.known.Store(&next)
	return result
}
