package ledger

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func testRecord(t testing.TB) *Record {
	t.Helper()
	r, err := NewRecord(time.Date(2026, 3, 4, 5, 6, 7, 891e6, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	r.Site, r.Policy, r.Source, r.Method, r.Language = "www.example.test", "AbCdEfGhIjKl", "banner", "save", "en"
	r.Days, r.Version, r.GPC = 182, "v1.2.3", true
	r.Categories = map[string]State{"statistics": Given, "first_party": Refused, "third_party": Withdrawn}
	r.Services = map[string]State{"matomo": Given}
	return r
}

// The chain is what the documentation says, so that other programs can check it.
func TestChainIsSHA256(t *testing.T) {
	// printf 'cookie-consent ledger\n%s' c0ffee | sha256sum
	start := Start("c0ffee")
	if got := start.String(); got != "0447b99520bcd968ede0c3e3f1321d4ffb8ae19124346c91c0bcdc50d68aba50" {
		t.Errorf("start %s", got)
	}
	// (xxd -r -p <<<"$start"; printf '{"id":1}') | sha256sum
	if got := Next(start, []byte(`{"id":1}`)).String(); got != "39b1934643658471c0f86af3bef94fb2ca64fe71a92bf5d590eeb107f400fec2" {
		t.Errorf("next %s", got)
	}
	long := bytes.Repeat([]byte("x"), 5000)
	if Next(start, long) == Next(start, long[1:]) {
		t.Error("two bodies have one hash")
	}
}

func TestHeadText(t *testing.T) {
	head := Head{Count: 42, Hash: Start("x")}
	if parsed, err := ParseHead(head.String()); err != nil || parsed != head {
		t.Errorf("%v, %v", parsed, err)
	}
	for _, text := range []string{"", "42", ":", "42:", "x:" + head.Hash.String(), "-1:" + head.Hash.String(), "42:" + head.Hash.String()[1:], "42:" + head.Hash.String() + "0", "42:" + strings.Repeat("g", 64)} {
		if _, err := ParseHead(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	key, other := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	at := Head{Count: 7, Hash: Start("x")}
	c := Seal(key, "chain", at)
	if err := c.Verify("chain", [][]byte{other, key}); err != nil {
		t.Error(err)
	}
	forged := *c
	forged.Count++
	for name, err := range map[string]error{
		"another key":   c.Verify("chain", [][]byte{other}),
		"another chain": c.Verify("other", [][]byte{key}),
		"another count": forged.Verify("chain", [][]byte{key}),
		"no key":        c.Verify("chain", nil),
	} {
		if err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

// What a record holds is all that is known of a visitor: a new field is a new
// question to the data-protection officer.
func TestFieldsOfARecord(t *testing.T) {
	body, err := testRecord(t).encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"","time":"2026-03-04T05:06:07.891Z","site":"www.example.test","policy":"AbCdEfGhIjKl","shown":"` + Digest{}.String() +
		`","source":"banner","method":"save","categories":{"first_party":"refused","statistics":"given","third_party":"withdrawn"},"services":{"matomo":"given"},"language":"en","gpc":true,"days":182,"version":"v1.2.3"}`
	var r Record
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	if got := strings.Replace(string(body), r.ID, "", 1); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r.ID[14] != '7' {
		t.Errorf("id %s is not of version 7", r.ID)
	}
}

func TestBodyIsBounded(t *testing.T) {
	r := testRecord(t)
	r.Site = strings.Repeat("x", maxBody)
	if _, err := Submit(r, &Shown{}); err == nil {
		t.Error("a body without bounds was taken")
	}
}

// The digest of what was shown is read without decoding, whatever clients put
// into the fields before it.
func TestDigestIsFoundInHostileBodies(t *testing.T) {
	shown, err := NewShown(ShownDocument{Policy: "p", Declaration: json.RawMessage("{}")})
	if err != nil {
		t.Fatal(err)
	}
	v := &verifier{shown: map[Digest]bool{shown.Digest: true}}
	for _, site := range []string{"a.test", `x","shown":"` + Start("x").String() + `","y":"`, `\","shown":"`, `shown":"`} {
		r := testRecord(t)
		r.Site = site
		submission, err := Submit(r, shown)
		if err != nil {
			t.Fatal(err)
		}
		v.lastShown = ""
		if !v.wasShown(submission.Body) {
			t.Errorf("site %q: the digest is not found", site)
		}
	}
	if v.wasShown([]byte(`{}`)) || v.wasShown([]byte(`{"shown":"00"}`)) {
		t.Error("a digest that is not there is found")
	}
}

func TestExportTerms(t *testing.T) {
	r := testRecord(t)
	e := Export(r, "chain", 3, Start("x"), Controller{Name: "The portal", Contact: "mail@example.test"})
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"record":{"schema_version":"ISO/IEC TS 27560:2023","record_id":"` + r.ID + `","pii_principal_id":"` + r.ID + `"}`,
		`"event_time":"2026-03-04T05:06:07.891Z","duration":"P182D"`, `"type":"explicit","state":"given","method":"save","purposes":["statistics","matomo"]`,
		`"state":"refused","method":"save","purposes":["first_party"]`, `"state":"withdrawn","method":"save","purposes":["third_party"]`,
		`"party_name":"The portal"`, `"party_role":"pii_controller"`, `"sequence":3`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if len(e.Processing.Purposes) != 4 {
		t.Errorf("purposes %v", e.Processing.Purposes)
	}
}

// A client writes the site into its request; no spreadsheet may take it for a
// formula.
func TestCSVHasNoFormulas(t *testing.T) {
	out, text := bytes.NewBufferString(csvHeader), csvText()
	for _, site := range []string{`=cmd|' /C calc'!A0`, "+1", "-1", "@x", "a,\"b\"\nc", "www.example.test"} {
		r := testRecord(t)
		r.Site = site
		line, err := text(r, "chain", 1, Digest{})
		if err != nil {
			t.Fatal(err)
		}
		out.Write(line)
	}
	lines, err := csv.NewReader(out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"site", `'=cmd|' /C calc'!A0`, "'+1", "'-1", "'@x", "a,\"b\"\nc", "www.example.test"} {
		if lines[i][2] != want {
			t.Errorf("line %d: %q, want %q", i, lines[i][2], want)
		}
	}
	if lines[1][9] != "statistics matomo" || lines[1][10] != "first_party" || lines[1][11] != "third_party" || lines[1][12] != "P182D" {
		t.Errorf("states %q", lines[1][9:13])
	}
}
