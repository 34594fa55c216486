package integration_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	browserdomain "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// A visitor saves a choice on the preferences page and downloads the receipt,
// without JavaScript.
func TestReceiptInBrowser(t *testing.T) {
	s, path := withLedger(t, "")
	b := openBrowser(t)
	b.disableScripts()
	folder := t.TempDir()
	if _, err := chromedp.Call(b.ctx, browserdomain.SetDownloadBehavior, browserdomain.SetDownloadBehaviorParams{
		Behavior: browserdomain.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder,
	}); err != nil {
		t.Fatal(err)
	}
	b.open(s.url("/.cookie-consent/?return_to=%2F"))
	b.click(".cookie-consent-accept")
	b.do(chromedp.Click(chromedp.CSS("a[download]")))
	r := records(t, path)[0]
	if r.Source != "preferences" || r.Method != "accept_all" {
		t.Errorf("record %+v", r)
	}
	var receipt ledger.Exported
	var err error
	if !eventually(func() bool {
		var text []byte
		if text, err = os.ReadFile(filepath.Join(folder, "consent-"+r.ID+".json")); err == nil {
			err = json.Unmarshal(text, &receipt)
		}
		return err == nil
	}) || receipt.Record.RecordID != r.ID || !receipt.Events[0].EventTime.Equal(r.Time) {
		t.Errorf("receipt %+v of record %s: %v", receipt, r.ID, err)
	}
}
