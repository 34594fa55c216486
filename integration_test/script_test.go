package integration_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger/sqlite"
)

// The commands do what their scripts in testdata/script say, each in an empty folder
// and with data folders of its own. $LEAK is the address of an application that asks
// nobody, and $PORT is free.
func TestCommandScripts(t *testing.T) {
	caddy, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	leak := httpBackend(t, leaking)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(caddy)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("LEAK", leak)
			env.Setenv("PORT", strconv.Itoa(freePort(t)))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ledger": makeLedger,
			"listening": func(ts *testscript.TestScript, _ bool, args []string) {
				if !eventually(func() bool {
					conn, err := net.Dial("tcp", "127.0.0.1:"+args[0])
					if err == nil {
						conn.Close()
					}
					return err == nil
				}) {
					ts.Fatalf("nobody listens on port %s", args[0])
				}
			},
		},
		RequireExplicitExec: true,
	})
}

// leaking is an application of three pages that sets cookies and lets others be
// contacted whatever the visitor wants.
func leaking(w http.ResponseWriter, r *http.Request) {
	setCookies(w, sessionCookie, statsCookie, `last_seen={"a": [1,2]}; Path=/shop; HttpOnly`)
	w.Header().Set("Link", "<https://fonts.example.net>; rel=preconnect")
	switch r.URL.Path {
	case "/logout":
		http.Error(w, "somebody was logged out", http.StatusInternalServerError)
	case "/leave":
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>Shop</title><script>fbq('init', '1')</script></head>
<body><img src="https://www.google-analytics.com/collect"><a href="/shop/">Shop</a><a href="/leave">Partner</a><a href="/logout">Log out</a></body></html>`)
	}
}

// makeLedger makes a file with three choices of 2025 and one of now.
func makeLedger(ts *testscript.TestScript, _ bool, args []string) {
	store := sqlite.Open(sqlite.Config{Path: ts.MkAbs(args[0])}, ledger.Options{
		Logger: slog.New(slog.DiscardHandler), Key: func() ([]byte, error) { return []byte("0123456789abcdef"), nil },
	})
	shown, err := ledger.NewShown(ledger.ShownDocument{Policy: "AbCdEfGhIjKl", Declaration: []byte("{}"), Page: "<p>page"})
	ts.Check(err)
	for _, choice := range []struct {
		at     time.Time
		method string
		state  ledger.State
	}{
		{time.Date(2025, 1, 15, 12, 0, 0, 0, time.UTC), "accept_all", ledger.Given},
		{time.Date(2025, 1, 15, 13, 0, 0, 0, time.UTC), "reject_all", ledger.Refused},
		{time.Date(2025, 2, 3, 12, 0, 0, 0, time.UTC), "accept_all", ledger.Given},
		{time.Now(), "reject_all", ledger.Refused},
	} {
		record, err := ledger.NewRecord(choice.at)
		ts.Check(err)
		record.Site, record.Policy, record.Method, record.Language, record.Days = "www.example.com", "AbCdEfGhIjKl", choice.method, "en", 182
		record.Categories = map[string]ledger.State{"statistics": choice.state}
		submission, err := ledger.Submit(record, shown)
		ts.Check(err)
		_, err = store.Append(context.Background(), submission)
		ts.Check(err)
	}
	ts.Check(store.Close())
}
