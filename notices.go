package cookieconsent

import (
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// maxNotices bounds how many different things are told, so that cookies with
// random names fill neither the memory nor the log.
const maxNotices = 1000

// notices tells the operator about a thing once, not once a request. Names of
// cookies are told, values never.
type notices struct {
	logger *zap.Logger

	mu   sync.RWMutex
	told map[notice]struct{}
}

type notice struct{ kind, name string }

func newNotices(logger *zap.Logger) *notices {
	return &notices{logger: logger, told: make(map[notice]struct{})}
}

// once calls tell unless it did so for this kind and name before.
func (n *notices) once(kind, name string, tell func(*zap.Logger)) {
	key := notice{kind, name}
	n.mu.RLock()
	_, known := n.told[key]
	full := len(n.told) >= maxNotices
	n.mu.RUnlock()
	if known || full {
		return
	}
	n.mu.Lock()
	if _, known = n.told[key]; !known {
		// The key may be a piece of a request, which would be kept whole.
		n.told[notice{kind, strings.Clone(name)}] = struct{}{}
	}
	full = len(n.told) == maxNotices
	n.mu.Unlock()
	if !known {
		tell(n.logger)
		if full {
			n.logger.Warn("this was the last notice about undeclared cookies and unread pages until the configuration is loaded again",
				zap.Int("notices", maxNotices))
		}
	}
}

// undeclared tells about a withheld cookie that nobody declared, with the lines
// that would declare it.
func (n *notices) undeclared(name, category string, login bool) {
	n.once("undeclared cookie", name, func(l *zap.Logger) {
		message := "withheld a cookie that is not declared; if visitors need it, declare it in the cookie_consent block"
		suggested := category
		if login {
			suggested = consent.Necessary
			message = "withheld a cookie that is not declared: HttpOnly, for the browser session and set in answer to a POST, " +
				"so a log-in is probably broken; declare it in the cookie_consent block"
		}
		l.Warn(message,
			zap.String("cookie", name),
			zap.String("category", category),
			zap.String("declaration", declarationOf(name, suggested)))
	})
}

// declarationOf returns Caddyfile lines that declare a cookie, with the words for
// the operator to replace in angle brackets.
func declarationOf(name, category string) string {
	return "cookie " + quoteToken(name) + " {\n" +
		"\tcategory " + category + "\n" +
		"\tprovider \"<who sets it>\"\n" +
		"\tpurpose \"<what it is for>\"\n" +
		"\tlifetime session\n" +
		"}"
}

// quoteToken writes a Caddyfile token.
func quoteToken(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\r\n\"`{}\\#") {
		return s
	}
	if !strings.Contains(s, "`") {
		return "`" + s + "`"
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// ownCookie tells that the application tries to write the preference cookie.
func (n *notices) ownCookie(name string) {
	n.once("own cookie", name, func(l *zap.Logger) {
		l.Warn("the application sets a cookie of the name that keeps visitors' choices; it is dropped; "+
			"configure another cookie_name if the application needs its own", zap.String("cookie", name))
	})
}

// wouldWithhold tells, in observe mode, what enforcing would do.
func (n *notices) wouldWithhold(name, category string, declared bool) {
	n.once("observed cookie", name, func(l *zap.Logger) {
		fields := []zap.Field{zap.String("cookie", name), zap.String("category", category), zap.Bool("declared", declared)}
		if !declared {
			fields = append(fields, zap.String("declaration", declarationOf(name, category)))
		}
		l.Info("would withhold a cookie until the visitor agrees", fields...)
	})
}
