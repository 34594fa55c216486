package cookieconsent

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// The collectors live as long as the process: every configuration has a registry
// of its own, and counters must not begin again at each reload. Labels have few
// values; none is a name that a visitor or an application chose.
var metrics = struct {
	cookies   *prometheus.CounterVec
	deletions prometheus.Counter
	pages     *prometheus.CounterVec
	choices   *prometheus.CounterVec
}{
	cookies: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "cookies_withheld_total",
		Help: "Cookies withheld, by what was done (dropped: from a response; stripped: from a request) and category.",
	}, []string{"action", "category"}),
	deletions: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "deletions_total",
		Help: "Set-Cookie lines sent to delete refused cookies.",
	}),
	pages: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "pages_total",
		Help: "Pages by result (rewritten; fragment: no whole document, left alone; unread: passed without the banner; failed: could not be decoded, and was cut off or refused).",
	}, []string{"result"}),
	choices: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "choices_total",
		Help: "Choices that visitors made, by method.",
	}, []string{"method"}),
}

// Values of the labels.
const (
	actionDropped  = "dropped"
	actionStripped = "stripped"

	pageRewritten = "rewritten"
	pageFragment  = "fragment"
	pageUnread    = "unread"
	pageFailed    = "failed"
)

// registerMetrics adds the collectors to the registry of a configuration. Several
// handlers share one.
func registerMetrics(registry *prometheus.Registry) error {
	for _, collector := range []prometheus.Collector{metrics.cookies, metrics.deletions, metrics.pages, metrics.choices} {
		err := registry.Register(collector)
		if _, already := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !already {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

func countCookie(action, category string) { metrics.cookies.WithLabelValues(action, category).Inc() }
func countDeletions(n int)                { metrics.deletions.Add(float64(n)) }
func countPage(result string)             { metrics.pages.WithLabelValues(result).Inc() }
func countChoice(method string)           { metrics.choices.WithLabelValues(method).Inc() }
