package integration_test

import (
	"fmt"
	"net/http"
	"strings"
)

// Pages that load something by one element and attribute each. URL stands for an
// address of somebody else, without its ending.
var loadingPages = []struct {
	html  string
	level string // of the contact
}{
	{`<script src=URL.js></script>`, requested},
	{`<script type=module src=URL.js></script>`, requested},
	{`<script src="data:," async></script><script defer src=URL.js></script>`, requested},
	{`<svg><script href=URL.js></script></svg>`, requested},
	{`<svg><script xlink:href=URL.js></script></svg>`, requested},
	{`<img src=URL.png>`, requested},
	{`<img src=/l.png srcset="URL.png 1x">`, requested},
	{`<img src=/l.png attributionsrc=URL.png>`, nobody},
	{`<image src=URL.png>`, requested},
	{`<image srcset="URL.png 1x">`, requested},
	{`<picture><source srcset="URL.png 1x"><img src=/l.png></picture>`, requested},
	{`<video src=URL.mp4 preload=auto></video>`, requested},
	{`<video poster=URL.png></video>`, requested},
	{`<video preload=auto><source src=URL.mp4></video>`, requested},
	{`<audio src=URL.mp3 preload=auto></audio>`, requested},
	{`<audio preload=auto><source src=URL.mp3></audio>`, requested},
	{`<video src=/l.png crossorigin><track default kind=captions src=URL.vtt></video>`, nobody},
	{`<input type=image src=URL.png>`, requested},
	{`<iframe src=URL.html></iframe>`, requested},
	{`<iframe srcdoc="<img src=URL.png>"></iframe>`, requested},
	{`<embed src=URL.html>`, requested},
	{`<object data=URL.html></object>`, requested},
	{`<portal src=URL.html></portal>`, nobody},
	{`<fencedframe src=URL.html></fencedframe>`, nobody},
	{`<svg><image href=URL.png width=9 height=9 /></svg>`, requested},
	{`<svg><image xlink:href=URL.png width=9 height=9 /></svg>`, requested},
	{`<svg><use href=URL.svg#a /></svg>`, nobody},
	{`<svg><use xlink:href=URL.svg#a /></svg>`, nobody},
	{`<svg><filter id=f><feImage href=URL.png /></filter><rect width=9 height=9 filter=url(#f) /></svg>`, requested},
	{`<svg><filter id=f><feImage xlink:href=URL.png /></filter><rect width=9 height=9 filter=url(#f) /></svg>`, requested},
	{`<link rel=stylesheet href=URL.css>`, requested},
	{`<link rel=stylesheet media=print href=URL.css>`, requested},
	{`<link rel="alternate stylesheet" title=x href=URL.css>`, requested},
	{`<link rel=preload as=image href=URL.png>`, requested},
	{`<link rel=preload as=image imagesrcset="URL.png 1x">`, requested},
	{`<link rel=modulepreload href=URL.js>`, requested},
	{`<link rel=preconnect href=URL>`, "tcp"},
	{`<link rel=dns-prefetch href=URL>`, "dns"},
	{`<svg><![CDATA[><link rel=preconnect href=URL>]]></svg>`, inChromium},
	{`<svg><style><!--</style><link rel=preconnect href=URL>--></style></svg>`, inChromium},
	{`<iframe src="data:text/html,<link rel=preconnect href=URL>"></iframe>`, inChromium},
	{`<object data="data:text/html,<iframe src=URL.html>"></object>`, inChromium},
	{`<svg><image width=9 height=9><set attributeName=href to=URL.png /></image></svg>`, inChromium},
	{`<link rel=prefetch href=URL.js>`, requested},
	{`<link rel=prerender href=URL.html>`, nobody},
	{`<link rel=icon href=URL.png>`, inFirefox},
	{`<link rel=manifest href=URL.json>`, nobody},
	{`<meta http-equiv=refresh content="0; url=URL.html">`, requested},
	{`<base href=URL/><img src=x.png>`, requested},
	{`<noscript><img src=URL.png></noscript>`, withoutScripts},
	{`<a href=URL.html ping=URL.ping>x</a>`, nobody},
	{`<table background=URL.png><td>x</table>`, requested},
	{`<p style="background: url(URL.png)">x</p>`, requested},
	{`<style>@import "URL.css";</style>`, requested},
	{`<style>@font-face { font-family: f; src: url(URL.woff2) } p { font-family: f }</style><p>x</p>`, requested},
	{`<style>p::before { content: url(URL.png) }</style><p>x</p>`, requested},
	{`<div><template shadowrootmode=open><img src=URL.png></template></div>`, requested},
	{`<script>new Image().src = "URL.png"</script>`, requested},
	{`<script>fetch("URL.json").catch(() => {})</script>`, requested},
	{`<script>const x = new XMLHttpRequest(); x.open("GET", "URL.json"); x.send()</script>`, requested},
	{`<script>navigator.sendBeacon("URL.json", "x")</script>`, requested},
	{`<script>new EventSource("URL.json")</script>`, requested},
	{`<script>new WebSocket("URL".replace("https", "wss"))</script>`, requested},
	{`<script>import("URL.js").catch(() => {})</script>`, requested},
	{`<script>document.write("<script src=URL.js><\/script>")</script>`, requested},
	{`<script>const s = document.createElement("script"); s.src = "URL.js"; document.head.append(s)</script>`, requested},
	{`<script>const f = document.createElement("iframe"); f.src = "URL.html"; document.documentElement.append(f)</script>`, requested},
}

const (
	requested      = "request"
	nobody         = "" // as it is too old or too new for a browser, or waits for something
	withoutScripts = "without scripts"
	inFirefox      = "in Firefox" // Chromium has no place for it where nobody sees it
	inChromium     = "tcp, in Chromium"
)

// loadingDocuments are the documents of loadingPages.
func loadingDocuments() []*document {
	const first = 600
	html := "text/html; charset=utf-8"
	var all []*document
	for i, p := range loadingPages {
		d := &document{ID: fmt.Sprintf("h%d", first+i), Group: "loading", Note: p.html, Type: &html, Status: http.StatusOK}
		host := "a." + d.ID + ".tp.test"
		d.Body = "<!DOCTYPE html><html><head><title>t</title></head><body>" + strings.ReplaceAll(p.html, "URL", "https://"+host+"/x") + "</body></html>"
		switch p.level {
		case nobody:
		case withoutScripts:
			d.ChromiumWithoutScripts = map[string]string{host: requested}
		case inChromium:
			d.Chromium = map[string]string{host: "tcp"}
		case inFirefox:
			d.Firefox = map[string]string{host: requested}
		default:
			d.Chromium = map[string]string{host: p.level}
			d.Firefox = d.Chromium
		}
		all = append(all, d)
	}
	return all
}
