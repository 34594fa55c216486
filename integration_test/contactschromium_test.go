package integration_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// documentSites starts Caddy with and without the directive in front of the
// documents, and a browser for which all other hosts are others.
func documentSites(t *testing.T, all []*document) (*browser, *others) {
	t.Helper()
	o := newOthers(t)
	backend := documentBackend(t, all)
	plainPort := freePort(t)
	open := strings.Replace(policy, "cookie_consent {", "cookie_consent {\nwall off\nfirst_party "+strings.Join(otherHosts, " "), 1)
	openPort := freePort(t)
	s := start(t, siteFor("https://*.site.test", policy+"reverse_proxy "+backend)+
		siteFor("https://*.site.test:"+strconv.Itoa(openPort), open+"reverse_proxy "+backend)+
		siteFor("https://*.site.test:"+strconv.Itoa(plainPort), "reverse_proxy "+backend))
	s.awaitCertificate(t, "a.site.test")
	rules := fmt.Sprintf("MAP *.site.test 127.0.0.1:%d, MAP * %s", plainPort, o.addr)
	for _, w := range consentWays {
		rules = fmt.Sprintf("MAP %s*.site.test 127.0.0.1:%d, ", w.letter, openPort) + rules
	}
	for _, w := range blockedWays {
		rules = fmt.Sprintf("MAP %s*.site.test %s, ", w.letter, s.addr("https")) + rules
	}
	b := openBrowser(t, chromedp.Flag("host-resolver-rules", rules))
	denied := cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorDeny}
	if _, err := chromedp.CallBrowser(b.ctx, cdpbrowser.SetDownloadBehavior, denied); err != nil {
		t.Fatal(err)
	}
	return b, o
}

// With the banner in it, a document contacts whom it contacts without, and is the
// same document but for the banner. Before the visitor agrees, it contacts nobody.
func TestDocumentsInChromium(t *testing.T) {
	all := documents(t)
	b, o := documentSites(t, all)
	chromium := documentBrowser{
		visit: func(visits []*visit) {
			o.visit(func() (tab, error) {
				ctx, closeTab := chromedp.NewContext(b.ctx)
				return chromiumTab{ctx, closeTab}, chromedp.Do(ctx) // the context of the first call is that of the tab
			}, visits)
		},
		recorded: (*document).recordedInChromium,
		saved:    []string{"h434", "h446"},
		racing: map[string]string{
			"h378": "the address of an image is made when the parser next pauses, before or behind a base element; the banner's style sheet makes it pause",
		},
		guarded: map[string]string{
			"h194": "nobody looks into rules for what is loaded ahead",
			"h362": "the configuration names no IPv6 addresses",
			"h365": "nobody is asked for such an address, but what is not known is blocked",
			"h471": "nobody looks into rules for what is loaded ahead",
		},
		left: map[string]string{
			"h069": "the visitor sends a form",
			"h479": "the visitor follows a redirect",
		},
	}
	chromium.check(t, o, all)
}

// recordedInChromium are the hosts to which a document was seen to open connections, as far
// as others can see them: Go's TLS refuses the name with a trailing dot of h352.
func (d *document) recordedInChromium(w way) []string {
	levels := d.Chromium
	if !w.scripts {
		levels = d.ChromiumWithoutScripts
	}
	var hosts []string
	for host, level := range levels {
		if level != "dns" && d.ID != "h352" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// chromiumTab is a tab in the context of its first call.
type chromiumTab struct {
	ctx      context.Context
	closeTab func()
}

func (t chromiumTab) close() { t.closeTab() }

// bounded is the context of the tab, which ends with another one.
func (t chromiumTab) bounded(by context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(t.ctx)
	stop := context.AfterFunc(by, func() { cancel(context.Cause(by)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

func (t chromiumTab) navigate(ctx context.Context, url string, scripts bool) error {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}); err != nil {
		return err
	}
	_, err := chromedp.Call(ctx, cdppage.Navigate, cdppage.NavigateParams{URL: url})
	return err
}

func (t chromiumTab) evaluate(ctx context.Context, expression string) (string, error) {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string]("JSON.stringify("+expression+")"))
}
