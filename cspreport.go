package cookieconsent

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

const (
	// reportName is the name of the endpoint for reports of browsers.
	reportName = "csp-report"

	// maxReport bounds the body of a request with reports, in bytes, and maxReports
	// their number.
	maxReport  = 64 << 10
	maxReports = 100
)

// addReportPolicy asks the browser to report, in observe mode, what the policy would
// stop. A response that shared caches keep would ask all visitors, and goes without.
func (x *exchange) addReportPolicy(header http.Header) {
	if x.handler.policies == nil || slices.ContainsFunc(cacheDirectives(header), func(directive string) bool {
		return directive == "public" || directive == "s-maxage"
	}) {
		return
	}
	for key := range header {
		if isCDNControl(key) {
			return
		}
	}
	const name = "Content-Security-Policy-Report-Only"
	line := x.handler.policies.Of(x.handler.unasked, x.page()) + "; report-uri " + x.handler.Prefix + reportName
	header[name] = append(slices.Clip(header[name]), line)
}

// violation is what a browser reports of something that the policy would stop, in the
// form of report-uri or of the Reporting API (CSP Level 3, sections 5.2 and 5.3).
type violation struct {
	DocumentURI string `json:"document-uri"`
	BlockedURI  string `json:"blocked-uri"`
	DocumentURL string `json:"documentURL"`
	BlockedURL  string `json:"blockedURL"`
}

// serveReport takes reports of browsers. Of each it notes the host that would have been
// contacted, and the address of the page, and no more.
func (h *Handler) serveReport(w http.ResponseWriter, r *http.Request, x *exchange) error {
	if r.Method != http.MethodPost {
		return &endpointError{status: http.StatusMethodNotAllowed, problem: banner.WrongMethod, allow: http.MethodPost}
	}
	if !sameOrigin(r, x.scheme()) {
		countReport(reportRefused)
		return &endpointError{status: http.StatusForbidden, problem: banner.WrongOrigin}
	}
	violations, err := readReports(w, r)
	if err != nil {
		countReport(reportRefused)
		return err
	}
	for _, v := range violations {
		page, err := url.Parse(v.DocumentURI + v.DocumentURL)
		if err != nil || hostname(page.Host) != x.host {
			countReport(reportIgnored)
			continue
		}
		to := *x
		to.url, to.at = page, nil
		to.visit = h.inventory.On(x.host, page.Path, time.Now())
		if !to.visit.AdmitReport() {
			countReport(reportLimited)
			break
		}
		countReport(reportTaken)
		if state, whom := h.unasked.URL(to.page(), v.BlockedURI+v.BlockedURL); state != consent.Granted {
			to.observeHost(inventory.Report, whom)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readReports reads the body of a request with reports.
func readReports(w http.ResponseWriter, r *http.Request) ([]violation, error) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != "application/csp-report" && mediaType != "application/reports+json" {
		return nil, &endpointError{status: http.StatusUnsupportedMediaType, problem: banner.BadForm}
	}
	body, err := readBody(w, r, maxReport)
	if err != nil {
		return nil, err
	}
	var violations []violation
	if mediaType == "application/csp-report" {
		var document struct {
			Report violation `json:"csp-report"`
		}
		err = json.Unmarshal(body, &document)
		violations = []violation{document.Report}
	} else {
		var documents []struct {
			Type string    `json:"type"`
			Body violation `json:"body"`
		}
		err = json.Unmarshal(body, &documents)
		for i := range documents {
			if documents[i].Type == "csp-violation" && len(violations) < maxReports {
				violations = append(violations, documents[i].Body)
			}
		}
	}
	if err != nil {
		return nil, &endpointError{status: http.StatusBadRequest, problem: banner.BadForm}
	}
	return violations, nil
}
