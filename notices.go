package cookieconsent

import (
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

const (
	// maxNotices bounds how many different things of one kind are told, so that
	// cookies with random names fill neither the memory nor the log.
	maxNotices = 500

	// maxNoticeName bounds a name that is told, in bytes.
	maxNoticeName = 256
)

// notices tells the operator about a thing once, not once a request. Names of
// cookies are told, values never.
type notices struct {
	logger  *zap.Logger
	catalog *catalog.Catalog
	quiet   bool // the operator knows that something else asks

	mu   sync.RWMutex
	told [noticeKinds]map[string]struct{}
}

// noticeKind is what a notice is about. Each kind has room of its own: what
// clients make up in requests must not silence what the application's responses
// show.
type noticeKind uint8

const (
	noticeLogin noticeKind = iota
	noticeResponse
	noticeRequest
	noticeOwnCookie
	noticeUnreadPage
	noticeObserved
	noticeObservedHost
	noticeNoCategory
	noticeLimit
	noticeHost
	noticePolicy
	noticeConsentTool
	noticeKinds
)

func newNotices(logger *zap.Logger, known *catalog.Catalog) *notices {
	n := &notices{logger: logger, catalog: known}
	for kind := range n.told {
		n.told[kind] = make(map[string]struct{})
	}
	return n
}

// once calls tell unless it did so for this kind and name before.
func (n *notices) once(kind noticeKind, name string, tell func(*zap.Logger)) {
	name = name[:min(len(name), maxNoticeName)]
	n.mu.RLock()
	_, known := n.told[kind][name]
	full := len(n.told[kind]) >= maxNotices
	n.mu.RUnlock()
	if known || full {
		return
	}
	n.mu.Lock()
	if _, known = n.told[kind][name]; !known {
		// The name may be a piece of a request, which would be kept whole.
		n.told[kind][strings.Clone(name)] = struct{}{}
	}
	full = len(n.told[kind]) == maxNotices
	n.mu.Unlock()
	if !known {
		tell(n.logger)
		if full {
			n.logger.Warn("this was the last notice of its kind until the configuration is loaded again",
				zap.Int("notices", maxNotices))
		}
	}
}

// undeclared tells about a withheld cookie that nobody declared, with the lines that
// would declare it, filled in as far as the catalog knows it.
func (n *notices) undeclared(kind noticeKind, name, category string) {
	n.once(kind, name, func(l *zap.Logger) {
		known, _ := n.catalog.Cookie(name)
		message := "withheld a cookie that is not declared; if visitors need it, declare it in the cookie_consent block"
		if kind == noticeLogin && (known.Category == "" || known.IsHint()) {
			known.Category = consent.Necessary
			message = "withheld a cookie that is not declared: HttpOnly, for the browser session and set in answer to a POST, " +
				"so a log-in is probably broken; declare it in the cookie_consent block"
		}
		l.Warn(message, append(cookieFields(name, category, known), zap.String("declaration", declarationOf(name, category, known)))...)
	})
}

// cookieFields say which cookie a notice is about, and what the catalog knows of it.
func cookieFields(name, category string, known catalog.Match) []zap.Field {
	fields := []zap.Field{zap.String("cookie", name), zap.String("category", category)}
	if known.Name() != "" {
		word := "known_as"
		if known.IsHint() {
			word = "perhaps"
		}
		fields = append(fields, zap.String(word, known.Name()))
	}
	return fields
}

// ownCookie tells that the application tries to write the preference cookie.
func (n *notices) ownCookie(name string) {
	n.once(noticeOwnCookie, name, func(l *zap.Logger) {
		l.Warn("the application sets a cookie of the name that keeps visitors' choices; it is dropped; "+
			"configure another cookie_name if the application needs its own", zap.String("cookie", name))
	})
}

// noCategory tells about a matcher that can't match.
func (n *notices) noCategory(name string) {
	n.once(noticeNoCategory, name, func(l *zap.Logger) {
		l.Warn("a cookie_consent matcher names a category that the cookie_consent handler before it does not have; it never matches",
			zap.String("category", name))
	})
}

// wouldWithhold tells, in observe mode, what enforcing would do.
func (n *notices) wouldWithhold(name, category string, declared bool) {
	n.once(noticeObserved, name, func(l *zap.Logger) {
		known, _ := n.catalog.Cookie(name)
		fields := append(cookieFields(name, category, known), zap.Bool("declared", declared))
		if !declared {
			fields = append(fields, zap.String("declaration", declarationOf(name, category, known)))
		}
		l.Info("would withhold a cookie until the visitor agrees", fields...)
	})
}
