package cookieconsent

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The collectors live as long as the process: every configuration has a registry
// of its own, and counters must not begin again at each reload. Labels have few
// values; none is a name that a visitor or an application chose.
var metrics = struct {
	cookies   *prometheus.CounterVec
	blocked   *prometheus.CounterVec
	redirects *prometheus.CounterVec
	deletions prometheus.Counter
	pages     *prometheus.CounterVec
	choices   *prometheus.CounterVec

	records            *prometheus.CounterVec
	withheldGrants     prometheus.Counter
	unrecordedRefusals prometheus.Counter
	commits            prometheus.Histogram
}{
	cookies: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "cookies_withheld_total",
		Help: "Cookies withheld, by what was done (dropped: from a response; stripped: from a request) and category.",
	}, []string{"action", "category"}),
	blocked: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "blocked_total",
		Help: "Attributes, headers and requests that were kept from contacting somebody, by the category of whom.",
	}, []string{"category"}),
	redirects: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "redirects_total",
		Help: "Redirects to somebody whom the visitor did not agree to, which were let pass, by the category of whom.",
	}, []string{"category"}),
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
	records: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "ledger_records_total",
		Help: "Choices by what became of their record (written; failed: the store could not; limited: too many from one network).",
	}, []string{"result"}),
	withheldGrants: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "ledger_withheld_grants_total",
		Help: "Consents that were not taken because there was no proof of them.",
	}),
	unrecordedRefusals: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "ledger_unrecorded_refusals_total",
		Help: "Refusals that were honoured without a record.",
	}),
	commits: prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "ledger_commit_seconds",
		Help:    "Time that it took to bring waiting records to the disk together.",
		Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5},
	}),
}

// Values of the labels.
const (
	actionDropped  = "dropped"
	actionStripped = "stripped"

	pageRewritten = "rewritten"
	pageFragment  = "fragment"
	pageUnread    = "unread"
	pageFailed    = "failed"

	recordWritten = "written"
	recordFailed  = "failed"
	recordLimited = "limited"
)

// registerMetrics adds the collectors to the registry of a configuration. Several
// handlers share one.
func registerMetrics(registry *prometheus.Registry) error {
	for _, collector := range []prometheus.Collector{
		metrics.cookies, metrics.blocked, metrics.redirects, metrics.deletions, metrics.pages, metrics.choices,
		metrics.records, metrics.withheldGrants, metrics.unrecordedRefusals, metrics.commits,
		ledgerMetrics{},
	} {
		err := registry.Register(collector)
		if _, already := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !already {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

func countCookie(action, category string) { metrics.cookies.WithLabelValues(action, category).Inc() }

func countBlocked(category string, n int) {
	metrics.blocked.WithLabelValues(category).Add(float64(n))
}
func countDeletions(n int)      { metrics.deletions.Add(float64(n)) }
func countPage(result string)   { metrics.pages.WithLabelValues(result).Inc() }
func countChoice(method string) { metrics.choices.WithLabelValues(method).Inc() }
func countRecord(result string) { metrics.records.WithLabelValues(result).Inc() }

func observeCommit(took time.Duration) { metrics.commits.Observe(took.Seconds()) }

// ledgerMetrics tells of the ledgers that are open when it is asked.
type ledgerMetrics struct{}

var (
	ledgerRecordsDesc = prometheus.NewDesc("caddy_cookie_consent_ledger_records",
		"Records that the open ledgers have taken since they were made.", nil, nil)
	ledgerBytesDesc = prometheus.NewDesc("caddy_cookie_consent_ledger_bytes",
		"Bytes that the open ledgers take on the disk.", nil, nil)
	ledgerUndeliveredDesc = prometheus.NewDesc("caddy_cookie_consent_ledger_undelivered",
		"Records that have yet to reach the second store.", nil, nil)
	ledgerFailuresDesc = prometheus.NewDesc("caddy_cookie_consent_ledger_delivery_failures_total",
		"Attempts to deliver records to the second store that failed.", nil, nil)
	ledgerUpDesc = prometheus.NewDesc("caddy_cookie_consent_ledger_up",
		"1 if every open ledger could be written when it was last tried, else 0.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (ledgerMetrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- ledgerRecordsDesc
	descs <- ledgerBytesDesc
	descs <- ledgerUndeliveredDesc
	descs <- ledgerFailuresDesc
	descs <- ledgerUpDesc
}

// Collect implements [prometheus.Collector].
func (ledgerMetrics) Collect(values chan<- prometheus.Metric) {
	var records, bytes, undelivered, failures int64
	up := 1.0
	ledgers.Range(func(_, value any) bool {
		status := value.(pooledLedger).Status()
		records += status.Head.Count
		bytes += status.Bytes
		undelivered += status.Undelivered
		failures += status.Failures
		if status.Err != nil {
			up = 0
		}
		return true
	})
	values <- prometheus.MustNewConstMetric(ledgerRecordsDesc, prometheus.GaugeValue, float64(records))
	values <- prometheus.MustNewConstMetric(ledgerBytesDesc, prometheus.GaugeValue, float64(bytes))
	values <- prometheus.MustNewConstMetric(ledgerUndeliveredDesc, prometheus.GaugeValue, float64(undelivered))
	values <- prometheus.MustNewConstMetric(ledgerFailuresDesc, prometheus.CounterValue, float64(failures))
	values <- prometheus.MustNewConstMetric(ledgerUpDesc, prometheus.GaugeValue, up)
}
