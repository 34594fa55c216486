package cookieconsent

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// The collectors live as long as the process: every configuration has a registry
// of its own, and counters must not begin again at each reload. Labels have few
// values; none is a name that a visitor or an application chose.
var metrics = struct {
	cookies   *prometheus.CounterVec
	blocked   *prometheus.CounterVec
	redirects *prometheus.CounterVec
	deletions *prometheus.CounterVec
	pages     *prometheus.CounterVec
	pageBytes prometheus.Counter
	passed    *prometheus.CounterVec
	choices   *prometheus.CounterVec

	placeholders prometheus.Counter
	reports      *prometheus.CounterVec

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
	deletions: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "deletions_total",
		Help: "Set-Cookie lines sent to delete refused cookies, by category.",
	}, []string{"category"}),
	pages: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "pages_total",
		Help: "Pages by result (rewritten; fragment: no whole document, left alone; unread: passed without the banner; failed: could not be decoded, and was cut off or refused).",
	}, []string{"result"}),
	pageBytes: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "page_bytes_total",
		Help: "Bytes of rewritten pages, as the application sent them.",
	}),
	passed: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "passed_total",
		Help: "Bodies of responses that passed untouched, by reason (request: not for a page; status: none with a page; attachment: to be saved; type: no HTML; coding: in a coding that can't be undone; own: the module's own; xhtml; charset: can't be read with certainty; content: no place for a banner).",
	}, []string{"reason"}),
	choices: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "choices_total",
		Help: "Choices that visitors made and that hold, by method (accept_all, reject_all, save, placeholder; withdraw: all that was agreed to was taken back).",
	}, []string{"method"}),
	placeholders: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "placeholders_total",
		Help: "Placeholders sent to be shown in place of blocked frames.",
	}),
	reports: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "cookie_consent", Name: "browser_reports_total",
		Help: "Reports of browsers by result (taken; limited: too many for a site; ignored: of another page; refused: requests with reports that were not read).",
	}, []string{"result"}),
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

	reportTaken   = "taken"
	reportLimited = "limited"
	reportIgnored = "ignored"
	reportRefused = "refused"

	recordWritten = "written"
	recordFailed  = "failed"
	recordLimited = "limited"
)

// registerMetrics adds the collectors to the registry of a configuration. Several
// handlers share one.
func registerMetrics(registry *prometheus.Registry) error {
	for _, collector := range []prometheus.Collector{
		metrics.cookies, metrics.blocked, metrics.redirects, metrics.deletions, metrics.pages, metrics.pageBytes,
		metrics.passed, metrics.choices, metrics.placeholders, metrics.reports,
		metrics.records, metrics.withheldGrants, metrics.unrecordedRefusals, metrics.commits,
		ledgerMetrics{},
		inventoryMetrics{},
	} {
		err := registry.Register(collector)
		if _, already := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !already {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// rewritten counts the pages that are, which most are.
var rewritten = metrics.pages.WithLabelValues(pageRewritten)

// passReason is why the body of a response passes untouched.
type passReason uint8

// Most responses pass, so that their counters are looked up once.
const (
	passRequest passReason = iota
	passStatus
	passAttachment
	passType
	passCoding
	passOwn
	passXHTML
	passCharset
	passContent
	passReasons
)

var passCounters = func() (counters [passReasons]prometheus.Counter) {
	for reason, label := range [passReasons]string{"request", "status", "attachment", "type", "coding", "own", "xhtml", "charset", "content"} {
		counters[reason] = metrics.passed.WithLabelValues(label)
	}
	return counters
}()

// categoryCounters are the counters of one category that pages use, looked up once.
type categoryCounters struct{ dropped, stripped, blocked prometheus.Counter }

func newCategoryCounters(p *consent.Policy) map[string]categoryCounters {
	counters := map[string]categoryCounters{}
	for _, c := range p.Categories() {
		counters[c.Name] = categoryCounters{
			dropped:  metrics.cookies.WithLabelValues(actionDropped, c.Name),
			stripped: metrics.cookies.WithLabelValues(actionStripped, c.Name),
			blocked:  metrics.blocked.WithLabelValues(c.Name),
		}
	}
	return counters
}

// countCookie counts a cookie that was kept back.
func (x *exchange) countCookie(what inventory.Kept, category string) {
	counters := x.handler.counters[category]
	if what == inventory.Stripped {
		counters.stripped.Inc()
	} else {
		counters.dropped.Inc()
	}
	x.visit.Keep(what, category, 1)
}

// countContacts counts what was kept from contacting somebody.
func (x *exchange) countContacts(category string, n int) {
	x.handler.counters[category].blocked.Add(float64(n))
	x.visit.Keep(inventory.Contact, category, n)
}

// countDeletions counts Set-Cookie lines that delete.
func (x *exchange) countDeletions(lines []string) {
	for _, line := range lines {
		_, rule := x.decision.Cookie(cookie.SetCookieName(line))
		metrics.deletions.WithLabelValues(rule.Category).Inc()
	}
}

func countPage(result string)     { metrics.pages.WithLabelValues(result).Inc() }
func countPass(reason passReason) { passCounters[reason].Inc() }
func countReport(result string)   { metrics.reports.WithLabelValues(result).Inc() }
func countRecord(result string)   { metrics.records.WithLabelValues(result).Inc() }

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

// inventoryMetrics tells of the inventories that are open when it is asked.
type inventoryMetrics struct{}

var (
	inventoryCookiesDesc = prometheus.NewDesc("caddy_cookie_consent_inventory_cookies",
		"Cookies in the inventory, by who names them (site: it sets them; browsers: they are only sent).", []string{"from"}, nil)
	inventoryHostsDesc = prometheus.NewDesc("caddy_cookie_consent_inventory_hosts",
		"Hosts of others in the inventory, by who names them (site: its pages do; browsers: only their reports do).", []string{"from"}, nil)
	inventoryUnlistedDesc = prometheus.NewDesc("caddy_cookie_consent_inventory_unlisted_total",
		"Sightings of names for which the inventory had no room.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (inventoryMetrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- inventoryCookiesDesc
	descs <- inventoryHostsDesc
	descs <- inventoryUnlistedDesc
}

// Collect implements [prometheus.Collector].
func (inventoryMetrics) Collect(values chan<- prometheus.Metric) {
	var size inventory.Size
	inventories.Range(func(_, value any) bool {
		size = value.(pooledInventory).Size() // there is one for all
		return false
	})
	const bySite, byBrowsers = "site", "browsers"
	gauge := func(desc *prometheus.Desc, n int, from string) {
		values <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), from)
	}
	gauge(inventoryCookiesDesc, size.SetCookies, bySite)
	gauge(inventoryCookiesDesc, size.SentCookies, byBrowsers)
	gauge(inventoryHostsDesc, size.PageHosts, bySite)
	gauge(inventoryHostsDesc, size.ReportHosts, byBrowsers)
	values <- prometheus.MustNewConstMetric(inventoryUnlistedDesc, prometheus.CounterValue, float64(size.Unlisted))
}
