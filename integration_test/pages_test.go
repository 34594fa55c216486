package integration_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/chromedp/chromedp"
)

// pageCase is a response, and what becomes of it.
type pageCase struct {
	status string   // default "200 OK"
	header []string // lines
	body   string   // default a page
	banner bool

	// except says why a page of Chromium gets no banner, or what is no page to it
	// gets one.
	except string
}

const (
	heading   = "<h1>Heading</h1>"
	wholePage = "<!doctype html><html lang=en><head><title>T</title></head><body>" + heading + "</body></html>"
	kanji     = "\x1b$B4A;z\x1b(B"
)

// utf16le is ASCII in UTF-16.
func utf16le(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

func swapped(s string) string {
	b := []byte(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

// htmlType is the header of a page in a charset.
func htmlType(charset string) []string {
	return []string{"Content-Type: text/html; charset=" + charset}
}

// pageCases are the kinds of responses to a navigation. README.md has the table.
var pageCases = map[string]pageCase{
	"text/html":                      {header: []string{"Content-Type: text/html"}, banner: true},
	"upper case":                     {header: []string{"Content-Type: TEXT/HTML"}, banner: true},
	"comment":                        {header: []string{"Content-Type: text/html (comment)"}, banner: true},
	"two lines, HTML last":           {header: []string{"Content-Type: text/plain", "Content-Type: text/html"}, banner: true},
	"two lines, HTML first":          {header: []string{"Content-Type: text/html", "Content-Type: text/plain"}},
	"two types in a line, HTML last": {header: []string{"Content-Type: text/plain, text/html"}, banner: true},
	"second type invalid":            {header: []string{"Content-Type: text/html, words"}, banner: true},
	"quotation mark that never ends": {header: []string{`Content-Type: text/plain;x="`, "Content-Type: text/html"}},
	"error page":                     {status: "404 Not Found", header: []string{"Content-Type: text/html"}, banner: true},
	"status that does not exist":     {status: "999 Odd", header: []string{"Content-Type: text/html"}, banner: true},
	"redirect without an address":    {status: "302 Found", header: []string{"Content-Type: text/html"}, banner: true},
	"multiple choices":               {status: "300 Multiple Choices", header: []string{"Content-Type: text/html", "Location: /elsewhere"}, banner: true},
	"part":                           {status: "206 Partial Content", header: []string{"Content-Type: text/html"}, except: "nobody asked for a part"},

	"invalid type":               {header: []string{"Content-Type: html"}, banner: true},
	"unknown type":               {header: []string{"Content-Type: unknown/unknown"}, banner: true},
	"any type":                   {header: []string{"Content-Type: */*"}, banner: true},
	"no type":                    {banner: true},
	"no type, coded":             {header: []string{"Content-Encoding: gzip"}, body: "gzip", banner: true},
	"no type, coded, text":       {header: []string{"Content-Encoding: gzip"}, body: "gzip text"},
	"no type, text":              {body: "words " + wholePage},
	"no type, white space":       {body: "\n\n  " + wholePage, banner: true},
	"no type, article":           {body: "<article>" + heading, banner: false}, // Caddy names a type, when it can
	"unknown type, article":      {header: []string{"Content-Type: */*"}, body: "<article>" + heading, banner: true},
	"unknown type, form":         {header: []string{"Content-Type: */*"}, body: "<form>" + heading},
	"unknown type, XML":          {header: []string{"Content-Type: */*"}, body: "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>" + heading + "</html>"},
	"no type, nosniff":           {header: []string{"Content-Type: */*", "X-Content-Type-Options: nosniff"}},
	"no type, nosniff not first": {header: []string{"Content-Type: */*", "X-Content-Type-Options: x, nosniff"}, banner: true},
	"text/html and nosniff":      {header: []string{"Content-Type: text/html", "X-Content-Type-Options: nosniff"}, banner: true},
	"text/plain":                 {header: []string{"Content-Type: text/plain"}},
	"JSON":                       {header: []string{"Content-Type: application/json"}, body: `{"html":"` + heading + `"}`},
	"JSON as HTML":               {header: []string{"Content-Type: text/html"}, body: `{"html":"` + heading + `"}`, except: "nobody reads it as a page"},
	"JSON array as HTML":         {header: []string{"Content-Type: text/html"}, body: ` [{"html":"` + heading + `"}]`, except: "nobody reads it as a page"},
	"text as HTML":               {header: []string{"Content-Type: text/html"}, body: "Words only.", banner: true},
	"notice in front of a page":  {header: []string{"Content-Type: text/html"}, body: "Notice: something\n" + wholePage, banner: true},
	"part of a page as HTML":     {header: []string{"Content-Type: text/html"}, body: heading, banner: true},
	"empty":                      {header: []string{"Content-Type: text/html"}, body: "\n", banner: true},
	"frameset":                   {header: []string{"Content-Type: text/html"}, body: "<html><frameset><frame></frameset></html>", except: "a frameset has no place for it"},
	"XHTML":                      {header: []string{"Content-Type: application/xhtml+xml"}, body: "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>T</title></head><body>" + heading + "</body></html>"},
	"XML":                        {header: []string{"Content-Type: application/xml"}, body: "<h:h1 xmlns:h='http://www.w3.org/1999/xhtml'>Heading</h:h1>"},
	"text/xml":                   {header: []string{"Content-Type: text/xml"}, body: "<x/>"},
	"feed":                       {header: []string{"Content-Type: application/rss+xml"}, body: "<rss/>"},
	"SVG":                        {header: []string{"Content-Type: image/svg+xml"}, body: "<svg xmlns='http://www.w3.org/2000/svg'/>"},
	"attachment":                 {header: []string{"Content-Type: text/html", "Content-Disposition: attachment"}},
	"other disposition":          {header: []string{"Content-Type: text/html", "Content-Disposition: form-data; name=x"}},
	"inline":                     {header: []string{"Content-Type: text/html", "Content-Disposition: inline; filename=x.html"}, banner: true},
	"file name alone":            {header: []string{"Content-Type: text/html", "Content-Disposition: filename=x.html"}, banner: true},
	"two dispositions":           {header: []string{"Content-Type: text/html", "Content-Disposition: inline, attachment"}},
	"replaced parts":             {header: []string{"Content-Type: multipart/x-mixed-replace;boundary=b"}, body: "--b\r\nContent-Type: text/html\r\n\r\n" + wholePage + "\r\n--b--\r\n"},
	"archive of a page":          {header: []string{"Content-Type: multipart/related;boundary=b"}, body: "--b\r\nContent-Type: text/html\r\n\r\n" + wholePage + "\r\n--b--\r\n"},
	"e-mail":                     {header: []string{"Content-Type: message/rfc822"}, body: "Content-Type: text/html\r\n\r\n" + wholePage},

	"word as content coding": {header: []string{"Content-Type: text/html", "Content-Encoding: utf-8"}, banner: true},

	"Latin-1":                             {header: htmlType("iso-8859-1"), body: wholePage + "\xe9", banner: true},
	"Shift JIS":                           {header: htmlType("shift_jis"), body: wholePage + "\x83\x5c\x83<p>", banner: true},
	"unknown label":                       {header: htmlType("utf-7"), banner: true},
	"single quotes":                       {header: htmlType("'utf-16'"), banner: true},
	"UTF-16":                              {header: htmlType("utf-16"), body: utf16le(wholePage), banner: true},
	"UTF-16, big endian":                  {header: htmlType("utf-16be"), body: swapped(utf16le(wholePage)), banner: true},
	"UTF-16 by its mark":                  {header: htmlType("utf-8"), body: "\xff\xfe" + utf16le(wholePage), banner: true},
	"UTF-16 by its mark, nothing said":    {header: []string{"Content-Type: text/html"}, body: "\xfe\xff" + swapped(utf16le(wholePage)), banner: true},
	"UTF-16 by an XML declaration":        {header: []string{"Content-Type: text/html"}, body: utf16le("<?xml version='1.0'?>" + wholePage), banner: true},
	"UTF-16, half a character at the end": {header: htmlType("utf-16"), body: utf16le(wholePage) + "x", banner: true, except: "Chromium drops it, where the standard has U+FFFD"},
	"UTF-16 that says something else":     {header: htmlType("utf-16"), body: utf16le(strings.Replace(wholePage, "<title>", "<meta charset=latin1><title>é", 1)), banner: true},
	"UTF-16 in a meta":                    {header: []string{"Content-Type: text/html"}, body: "<meta charset=utf-16>" + wholePage, banner: true},
	"UTF-8 mark against UTF-16":           {header: htmlType("utf-16"), body: "\xef\xbb\xbf" + wholePage, banner: true},
	"UTF-16 undeclared":                   {header: []string{"Content-Type: text/html"}, body: utf16le(wholePage), banner: true},
	"charset that is not read":            {header: htmlType("iso-2022-kr"), except: "it is one U+FFFD"},
	"UTF-8 mark against what is not read": {header: htmlType("hz-gb-2312"), body: "\xef\xbb\xbf" + wholePage, banner: true},
	"escape sequences, declared UTF-8":    {header: htmlType("utf-8"), body: wholePage + kanji, banner: true},
	"escape sequences, nothing declared":  {header: []string{"Content-Type: text/html"}, body: kanji + wholePage, except: "Firefox guesses ISO-2022-JP"},
	"escape sequences of a terminal":      {header: []string{"Content-Type: text/html"}, body: wholePage + "\x1b[1mbold", banner: true},
	"late charset":                        {header: []string{"Content-Type: text/html"}, body: "<!doctype html><!--" + strings.Repeat("x", 3000) + "--><meta charset=utf-8>" + heading + "é", banner: true},
}

// pageBackend answers the path /name with the case of that name.
func pageBackend(t testing.TB) string {
	return rawBackend(t, func(r *http.Request, conn net.Conn) {
		c, known := pageCases[strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/"), "_", "/")]
		if !known {
			io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n")
			return
		}
		status, body := c.status, c.body
		switch body {
		case "gzip":
			body = encode(t, "gzip", wholePage)
		case "gzip text":
			body = encode(t, "gzip", "words"+wholePage)
		case "":
			body = wholePage
		}
		if status == "" {
			status = "200 OK"
		}
		fmt.Fprintf(conn, "HTTP/1.1 %s\r\n", status)
		for _, line := range c.header {
			io.WriteString(conn, line+"\r\n")
		}
		fmt.Fprintf(conn, "Set-Cookie: adsid=1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	})
}

// shownPage is what the browser made of a response.
type shownPage struct {
	Address, Type, Charset, Root, Heading, Text string
	Banner                                      bool
}

const describePage = `(() => {
	const banner = document.getElementById("cookie-consent"), form = document.getElementById("cookie-consent-form");
	const page = {
		address: location.href, type: document.contentType, charset: document.characterSet,
		root: document.documentElement ? document.documentElement.nodeName : "", banner: !!banner && !!form,
	};
	banner && banner.remove();
	form && form.remove();
	page.heading = document.querySelector("h1") ? document.querySelector("h1").textContent : "";
	page.text = (document.title || "") + "|" + (document.body ? document.body.textContent : "");
	return page;
})()`

// visit opens an address that may turn out to be no page.
func (b *browser) visit(url string) (shownPage, bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	navigation := chromedp.Do(ctx, chromedp.Navigate(url))
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[shownPage](describePage))
	if err != nil {
		b.t.Fatalf("Chromium: %s: %v", url, err)
	}
	isShown := navigation == nil && shown.Address == url
	shown.Address = ""
	return shown, isShown
}

// What a browser shows as a page gets the banner, and is the same page otherwise.
func TestPagesInChromium(t *testing.T) {
	backend := pageBackend(t)
	const plain = "plain.example.test"
	s := start(t, site("cookie_consent\nreverse_proxy "+backend)+siteFor("https://"+plain, "reverse_proxy "+backend))
	b := openBrowser(t)
	for name, c := range pageCases {
		path := "/" + strings.ReplaceAll(strings.ReplaceAll(name, "/", "_"), " ", "%20")
		without, isShown := b.visit(strings.Replace(s.url(path), host, plain, 1))
		with, alsoShown := b.visit(s.url(path))
		if isShown != alsoShown {
			t.Errorf("%s: shown %v, without us %v", name, alsoShown, isShown)
			continue
		}
		if !isShown {
			if c.banner {
				t.Errorf("%s: is not shown at all", name)
			}
			continue
		}
		if isPage := without.Type == "text/html"; c.except == "" && isPage != c.banner {
			t.Errorf("%s: to Chromium it is %s, banner %v", name, without.Type, c.banner)
		}
		if with.Banner != c.banner {
			t.Errorf("%s: banner %v, want %v", name, with.Banner, c.banner)
		}
		if strings.HasPrefix(without.Charset, "UTF-16") && without.Type == "text/html" {
			without.Charset = "UTF-8"
		}
		with.Banner = false
		if with != without && !strings.HasPrefix(c.except, "Chromium") {
			t.Errorf("%s: it is %+v, without us %+v", name, with, without)
		}
	}
}

// The same table over every protocol: what gets no banner keeps every byte, and no
// cookie passes with anything.
func TestPageCases(t *testing.T) {
	s := start(t, site("cookie_consent\nreverse_proxy "+pageBackend(t)))
	for name, c := range pageCases {
		for _, protocol := range protocols {
			res := s.do(t, protocol, request{path: "/" + strings.ReplaceAll(strings.ReplaceAll(name, "/", "_"), " ", "%20"), header: navigation})
			if got := strings.Contains(res.body, `id="cookie-consent"`) && strings.Contains(res.body, `id="cookie-consent-form"`); got != c.banner {
				t.Errorf("%s over %s: banner %v, want %v", name, protocol, got, c.banner)
			}
			if c.body != "" && !strings.HasPrefix(c.body, "gzip") && !c.banner && scriptTag.ReplaceAllString(res.body, "") != c.body {
				t.Errorf("%s over %s: it passes as %q", name, protocol, res.body)
			}
			if res.err != nil || len(res.cookies()) > 0 {
				t.Errorf("%s over %s: %v, cookies %q", name, protocol, res.err, res.cookies())
			}
			for _, dest := range []string{"iframe", "frame", "embed", "object", "empty", "image"} {
				if protocol != h1 {
					break
				}
				res := s.do(t, protocol, request{path: "/" + strings.ReplaceAll(strings.ReplaceAll(name, "/", "_"), " ", "%20"), header: []string{"Sec-Fetch-Dest: " + dest, "Accept: text/html,application/xhtml+xml"}})
				if strings.Contains(scriptTag.ReplaceAllString(res.body, ""), "cookie-consent") || len(res.cookies()) > 0 {
					t.Errorf("%s as %s: body %q, cookies %q", name, dest, res.body, res.cookies())
				}
			}
		}
	}
}

// Of a page that ends too early or is damaged, a visitor sees what could be decoded,
// as without us.
func TestDamagedPagesInChromium(t *testing.T) {
	long := strings.Replace(wholePage, "</body>", strings.Repeat("<p>One more paragraph.</p>\n", 3000)+"</body>", 1)
	bodies := map[string]string{}
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		first, rest := encodeFlushed(t, coding, long[:len(long)/2], long[len(long)/2:])
		bodies["/"+coding+"/cut"] = first
		bodies["/"+coding+"/later"] = first + rest[:len(rest)/2]
		bodies["/"+coding+"/behind"] = first + rest
		if coding == "gzip" {
			bodies["/gzip/checksum"] = first + rest[:len(rest)-8] + "checksum"
			bodies["/gzip/trailer"] = first + rest[:len(rest)-8]
		}
		if coding != "zstd" {
			bodies["/"+coding+"/behind"] += "something else"
		}
	}
	backend := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		body, known := bodies[r.URL.Path]
		if !known {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", strings.Split(r.URL.Path, "/")[1])
		io.WriteString(w, body)
	})
	// Of DEFLATE data, Chromium decodes one or two symbols more, of 258 bytes at most.
	const lastSymbols = 2 * 258
	const plain = "plain.example.test"
	s := start(t, site("cookie_consent {\nbanner always\n}\nreverse_proxy "+backend)+siteFor("https://"+plain, "reverse_proxy "+backend))
	b := openBrowser(t)
	for path := range bodies {
		without, _ := b.visit(strings.Replace(s.url(path), host, plain, 1))
		with, _ := b.visit(s.url(path))
		if !with.Banner {
			t.Errorf("%s: no banner", path)
		}
		if with.Heading != "Heading" || !strings.HasPrefix(with.Text, without.Text) && !strings.HasPrefix(without.Text, with.Text) ||
			len(with.Text) < len(without.Text)-lastSymbols {
			t.Errorf("%s: %d bytes of text, heading %q, without us %d", path, len(with.Text), with.Heading, len(without.Text))
		}
	}
}
