package ledger

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// plainly returns what the text of a body is that is decoded and encoded.
func plainly(text textFunc, filter *Filter, chain string, e *Entry) (string, error) {
	var r Record
	if err := json.Unmarshal(e.Body, &r); err != nil {
		return "", err
	}
	if !filter.selects(&r) {
		return "", nil
	}
	line, err := text(&r, chain, e.Sequence, e.Hash)
	return string(line), err
}

// sameWith returns a body that says the same with another id and time.
func sameWith(body []byte) []byte {
	var at place
	rest, ok := at.cut(body)
	if !ok {
		return body
	}
	return append([]byte(`{"id":"0197a0b4-93c5-7d3e-8a52-4be1c0ffee00","time":"2020-02-02T02:02:02Z"`), rest...)
}

// compare exports a body after one that says the same, and checks that nothing
// differs from decoding and encoding it.
func compare(t *testing.T, body []byte) {
	t.Helper()
	controllers := map[Digest]Controller{{}: {Name: `The "portal" <&>`}}
	for name, text := range map[string]func() textFunc{"jsonl": func() textFunc { return jsonText(controllers) }, "csv": csvText} {
		for _, filter := range []Filter{{}, {Site: "www.example.test"}, {Until: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, {ID: "0197a0b4-93c5-7d3e-8a52-4be1c0ffee00"}} {
			x := newExporter(&filter, text())
			entries := []Entry{{8, sameWith(body), Start("8")}, {9, body, Start("9")}, {10, sameWith(body), Start("10")}, {11, body, Start("11")}}
			for i := range entries {
				want, wantErr := plainly(text(), &filter, "chain", &entries[i])
				var got bytes.Buffer
				n, err := x.export(&got, &batch{"chain", entries[i : i+1]})
				if got.String() != want || (err == nil) != (wantErr == nil) || (n == 1) != (want != "") {
					t.Fatalf("%s, %+v: body %s: got %d, %v: %s\nwant %v: %s", name, filter, entries[i].Body, n, err, got.String(), wantErr, want)
				}
			}
		}
	}
}

// Forms make no difference, whatever a body holds.
func TestFormsMakeNoDifference(t *testing.T) {
	ordinary, err := testRecord(t).encode()
	if err != nil {
		t.Fatal(err)
	}
	in := func(old, with string) string { return strings.Replace(string(ordinary), old, with, 1) }
	for _, body := range []string{
		string(ordinary),
		in("www.example.test", `=a,\"b\" <\u0000\ud800>`),
		in(`"site"`, `"id":"other","site"`),
		in(`"site"`, `"ID":"0197a0b4-93c5-7d3e-8a52-4be1c0ffee01","site"`),
		in(`"site"`, `"time":"2020-01-01T00:00:00Z","site"`),
		in("05:06:07.891Z", "05:06:07.891+00:00"),
		in("05:06:07.891Z", "05:06:07.8910+02:00"),
		in("05:06:07.891Z", "05:06:07,891Z"),
		in("2026-", "99999-"),
		in(`{"id":"`, `{"id":"\u0030`),
		in(`{"id":"`, `{"id":"x`),
		in(`{"id":"`, `{ "id":"`),
		in(`}`, ``), in(`"days"`, `"days":"1","days"`), in(`"gpc":true`, `"gpc":1`),
		`{}`, ``, `{"id":"0197a0b4-93c5-7d3e-8a52-4be1c0ffee00","time":"2020-02-02T02:02:02Z"`, `{"id":"0197a0b4-93c5-7d3e-8a52-4be1c0ffee00","time":"2020-02-02T02:02:02Z"}`,
	} {
		compare(t, []byte(body))
	}
}

func FuzzFormsMakeNoDifference(f *testing.F) {
	body, err := testRecord(f).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"id":"0197a0b4-93c5-7d3e-8a52-4be1c0ffee00","time":"2020-02-02T02:02:02.5Z","site":"a","site":"b","id":1}`))
	f.Fuzz(compare)
}

// Forms are used, and forgotten when they take too much room.
func TestFormsAreBounded(t *testing.T) {
	x := newExporter(&Filter{}, csvText())
	var out bytes.Buffer
	most := 0
	for i := range 5000 {
		r := testRecord(t)
		r.Site = strings.Repeat("x", i%2500)
		body, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if n, err := x.export(&out, &batch{"chain", []Entry{{1, body, Digest{}}, {2, body, Digest{}}}}); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		most = max(most, len(x.forms))
	}
	if most < 100 || most > 2000 || x.room > formRoom || x.room < -10_000 {
		t.Errorf("at most %d forms, room %d", most, x.room)
	}
	if n, err := x.export(&out, &batch{"other", nil}); n != 0 || err != nil || len(x.forms) != 0 {
		t.Errorf("%d forms of another chain", len(x.forms))
	}
}
