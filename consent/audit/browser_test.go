package audit

import (
	"net/http"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// axe-core finds nothing wrong with the page of an audit.
func TestAxe(t *testing.T) {
	leaking := audited(t, func(w http.ResponseWriter, r *http.Request) {
		if missing(w, r) {
			return
		}
		w.Header()["Set-Cookie"] = []string{"sessionid=1; HttpOnly", "_ga=1; Max-Age=99999999"}
		answerHTML(w, `<img src=//www.google-analytics.com/c><a href=/gone>x</a>`)
	}, nil)
	clean := audited(t, func(w http.ResponseWriter, r *http.Request) {
		if !missing(w, r) {
			answerHTML(w, "ok")
		}
	}, nil)
	if len(leaking.Findings) == 0 || len(leaking.Rounds) == 0 {
		t.Fatal("there is nothing to show")
	}
	report := NewReport(time.Now(), []*Site{leaking, clean})
	ctx := browser.Start(t)
	browser.Axe(t, ctx)
	browser.CheckAxe(t, ctx, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := report.WriteHTML(w); err != nil {
			t.Error(err)
		}
	}), "html")
}
