package mimetype

import (
	"net/http"
	"strings"
	"testing"
)

func TestFromHeader(t *testing.T) {
	const jp = "iso-2022-jp"
	for _, c := range []struct {
		lines            string // separated by "|"
		essence, charset string
	}{
		{"text/html", HTML, ""},
		{"TEXT/HTML", HTML, ""},
		{"text/html;", HTML, ""},
		{"text/html (comment)", HTML, ""},
		{"text/html words", HTML, ""},
		{"text/html charset=iso-2022-jp", HTML, ""},
		{"text/html words; charset=iso-2022-jp", HTML, jp},
		{"text/html\t;charset=iso-2022-jp", HTML, jp},
		{"text/html;;charset=iso-2022-jp", HTML, jp},
		{"text/html;CHARSET=ISO-2022-JP", HTML, "ISO-2022-JP"},
		{"text/html; charset= iso-2022-jp ", HTML, jp},
		{"text/html; charset =iso-2022-jp", HTML, ""},
		{"text/html;charset", HTML, ""},
		{"text/html;charset=", HTML, ""},
		{"text/html;charset=;charset=iso-2022-jp", HTML, jp},
		{"text/html;charset=utf-8;charset=iso-2022-jp", HTML, "utf-8"},
		{"text/html;charset=nothing;charset=iso-2022-jp", HTML, "nothing"},
		{"text/html;charset='utf-8'", HTML, "'utf-8'"},
		{`text/html;charset="iso-2022-jp"`, HTML, jp},
		{`text/html;charset="iso-2022-jp`, HTML, jp},
		{`text/html;charset="iso-2022\-jp"`, HTML, jp},
		{`text/html;x="a,b;charset=utf-8";charset=iso-2022-jp`, HTML, jp},
		{`text/html;x="a\",b";charset=iso-2022-jp`, HTML, jp},
		{`text/html;x=",text/plain`, HTML, ""},
		{"text/html;x=a,b", HTML, ""},
		{"text/html, text/plain", "text/plain", ""},
		{"text/plain, text/html", HTML, ""},
		{"text/plain|text/html", HTML, ""},
		{`text/plain;x="|text/html`, "text/plain", ""},
		{"html; a=b/c", "", ""},
		{"unknown/unknown;charset=iso-2022-jp", "", jp},
		{"text/plain, */*;charset=iso-2022-jp", "", jp},
		{`text/html;charset="iso-2022-jp"words`, HTML, jp},
		{"text/html|text/plain", "text/plain", ""},
		{"text/html, word", HTML, ""},
		{"text/html, */*", HTML, ""},
		{"text/html|", HTML, ""},
		{"text/html;charset=iso-2022-jp, text/html", HTML, jp},
		{"text/html;charset=iso-2022-jp|text/html;x=y", HTML, jp},
		{"text/html;charset=iso-2022-jp|text/html;charset=utf-8", HTML, "utf-8"},
		{"text/html;charset=iso-2022-jp, text/plain, text/html", HTML, ""},
		{"", "", ""},
		{"html", "", ""},
		{";charset=iso-2022-jp", "", ""},
		{"*/*", "", ""},
		{"unknown/unknown", "", ""},
		{"application/unknown", "", ""},
		{"text/plain, unknown/unknown", "", ""},
		{"*/*|text/plain", "text/plain", ""},
		{`"text/html"`, `"text/html"`, ""},
		{"text/html/x", "text/html/x", ""},
		{"application/xhtml+xml;charset=utf-8", XHTML, "utf-8"},
	} {
		if got, want := FromHeader(strings.Split(c.lines, "|")), (Type{c.essence, c.charset}); got != want {
			t.Errorf("%q is %q, want %q", c.lines, got, want)
		}
	}
	if got := FromHeader(nil); got != (Type{}) {
		t.Errorf("no line is %q", got)
	}
}

func TestIsAttachment(t *testing.T) {
	for lines, want := range map[string]bool{
		"attachment": true, "ATTACHMENT": true, "attachment;filename=x": true, " attachment ; x": true, "form-data; name=x": true, "word": true,
		"inline": false, "Inline; filename=x.html": false, "": false, ";attachment": false, "filename=x.html": false, "x=y; attachment": false,
		"attachment words": false, `"attachment"`: false, "attachment/x": false, "attachment filename=x": false,
		"inline, attachment": true, "attachment, inline": true, "inline|attachment": true, "attachment|inline": true,
	} {
		if got := IsAttachment(strings.Split(lines, "|")); got != want {
			t.Errorf("%q is an attachment: %v", lines, got)
		}
	}
	if IsAttachment(nil) {
		t.Error("no line is an attachment")
	}
}

func TestNosniff(t *testing.T) {
	for lines, want := range map[string]bool{
		"nosniff": true, "NoSniff ": true, "nosniff, x": true, "nosniff|x": true,
		"": false, "x, nosniff": false, "x|nosniff": false, "nosniff x": false,
	} {
		if got := Nosniff(strings.Split(lines, "|")); got != want {
			t.Errorf("%q: %v", lines, got)
		}
	}
}

// sniffed are bodies without a type, and what Chromium takes them for.
var sniffed = map[string]string{
	"<!doctype html><p>": HTML, "<!DOCTYPE html PUBLIC>": HTML, "<!DOCTYPE htm>": "", "<!DOCTYPE  html>": "", "<!doctypehtml>": "",
	"<html>": HTML, "<HTML": HTML, "<htmlx>": HTML, "<html\n>": HTML, "<html\x01\x02>": HTML,
	"<head>": HTML, "<title>x": HTML, "<style>": HTML, "<script>1</script>": HTML, "<iframe></iframe>": HTML,
	"<h1>": HTML, "<h1x>": HTML, "<h2>": "", "<div>": HTML, "<font>": HTML, "<table>": HTML,
	"<a href=x>": HTML, "<article>x": HTML, "<b>": HTML, "<body>": HTML, "<base>": HTML, "<br>": HTML, "<button>": HTML,
	"<p": HTML, "<p>x": HTML, "<pre>x": HTML, "<pfoo>x": HTML, "<!-- c -->": HTML, "<!--": HTML, "<!->": "", "<!-": "",
	"<span>x": "", "<ul><li>": "", "<form>": "", "<meta charset=utf-8>": "", "<link>": "", "<img>": "", "<svg></svg>": "", "<center>": "",
	"<?xml version='1.0'?>": XML, "<?xml ": XML, "<?php": "",
	" \t\n\v\f\r<html>": HTML, "\x00<html>": "", "\xef\xbb\xbf<html>": "", "\xff\xfe<\x00h\x00": "",
	"x<html>": "", `{"a":"<html>"}`: "", "%PDF-1.4 <html>": "", "": "", " ": "", "<": "",
	strings.Repeat(" ", 507) + "<html>": HTML,
	strings.Repeat(" ", 508) + "<html>": "",
	strings.Repeat(" ", 600) + "<html>": "",
}

func TestSniff(t *testing.T) {
	for body, want := range sniffed {
		if got, decided := Sniff([]byte(body), true); got != want || !decided {
			t.Errorf("%.60q is %q, want %q", body, got, want)
		}
		// It never says more than the whole body does.
		for n := range len(body) {
			if got, decided := Sniff([]byte(body[:n]), false); decided && got != want {
				t.Errorf("the first %d bytes of %.60q are %q, want %q", n, body, got, want)
			}
		}
		if _, decided := Sniff([]byte(body+strings.Repeat("x", sniffLength)), false); !decided {
			t.Errorf("%.60q is still undecided after %d bytes", body, sniffLength)
		}
	}
	if got := http.DetectContentType([]byte("<article>x")); !strings.HasPrefix(got, "text/plain") {
		t.Errorf("net/http now takes <article> for %s: is it still to be done here?", got)
	}
}

func TestSniffJSON(t *testing.T) {
	for body, want := range map[string]bool{
		`{"a":1}`: true, "{ \r\n\t\"a\":1}": true, "{}": true, "[]": true, `["a"]`: true, `[{}]`: true, "[[1]]": true,
		"{": false, "[": false, "{x}": false, "{{ name }}": false, "[1] A note": false, "[Home]": false, "[true": false,
		"<p>": false, "words": false, "": false, "{" + strings.Repeat(" ", 300) + `"a"`: true,
	} {
		got, decided := SniffJSON([]byte(body), true)
		if got != want || !decided {
			t.Errorf("%.40q is JSON: %v", body, got)
		}
		for n := range len(body) {
			if got, decided := SniffJSON([]byte(body[:n]), false); decided && got != want && n < longestGap {
				t.Errorf("the first %d bytes of %.40q are JSON: %v", n, body, got)
			}
		}
	}
	if _, decided := SniffJSON([]byte("{"+strings.Repeat(" ", longestGap)), false); !decided {
		t.Error("white space is looked past without an end")
	}
}

func FuzzFromHeader(f *testing.F) {
	f.Add("text/html;charset=\"a\\\"b\", x/y")
	f.Add("text/html|text/plain;charset=utf-8")
	f.Fuzz(func(t *testing.T, lines string) {
		both := FromHeader(strings.Split(lines, "|"))
		if both.Essence != strings.ToLower(both.Essence) || strings.ContainsAny(both.Essence, " \t;(") {
			t.Errorf("%q is of type %q", lines, both.Essence)
		}
		// Quotation marks that do not end hide whatever follows.
		if strings.Contains(lines, `"`) {
			return
		}
		if more := FromHeader(append(strings.Split(lines, "|"), "text/html;charset=utf-8")); more != (Type{HTML, "utf-8"}) {
			t.Errorf("a last line after %q is not what counts: %q", lines, more)
		}
	})
}
