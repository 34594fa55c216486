// Package pages makes the pages that benchmarks read.
package pages

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Corpus returns pages like those of real sites by name, the same at every call.
func Corpus() map[string][]byte {
	const kB = 1 << 10
	return map[string][]byte{
		"front":      Generate(1, 92*kB, 3, 4, 1, 4),
		"article":    Generate(2, 300*kB, 12, 2, 0, 1),
		"shop":       Generate(3, 200*kB, 2, 9, 1, 1),
		"portal":     Generate(4, 1000*kB, 2, 3, 6, 1),
		"attributes": Generate(5, 400*kB, 0, 1, 0, 0),
		"small":      Generate(6, 12*kB, 3, 4, 0, 2),
	}
}

var words = strings.Fields("a page of the site shows what was written about things that people looked for " +
	"and some of them came back to read more while others left it open for an hour or two before noon")

// Generate makes a page of about size bytes of paragraphs, product cards,
// inline data and things of third parties, mixed by weight.
func Generate(seed uint64, size, paragraphs, cards, data, foreign int) []byte {
	rnd := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // the same pages each time
	text := func(n int) string {
		var b strings.Builder
		for b.Len() < n {
			b.WriteString(words[rnd.IntN(len(words))])
			b.WriteByte(' ')
		}
		return b.String()
	}
	var b bytes.Buffer
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>A page</title>\n" +
		"<link rel=\"stylesheet\" href=\"/site.css\">\n</head>\n<body class=\"home page\">\n")
	for b.Len() < size {
		switch k := rnd.IntN(paragraphs + cards + data + foreign); {
		case k < paragraphs:
			fmt.Fprintf(&b, "<p>%s<a href=\"/page/%d\">%s</a> %s<em>%s</em>.</p>\n", text(180), rnd.IntN(1e6), text(9), text(90), text(5))
		case k < paragraphs+cards:
			fmt.Fprintf(&b, `<li class="card card--%d is-%s" data-id="%d" data-item='{"id":%d,"list":"%s"}' id="i%d" role="listitem">`+
				`<a class="card__link" href="/p/%d" title="%s"><img class="card__image" loading="lazy" src="/m/%x.webp" alt="%s" width="300" height="200"></a>`+
				`<span class="price">%d</span></li>`+"\n",
				rnd.IntN(9), words[rnd.IntN(len(words))], rnd.IntN(1e6), rnd.IntN(99), words[rnd.IntN(len(words))], rnd.IntN(1e6),
				rnd.IntN(1e6), text(20), rnd.IntN(1e9), text(20), rnd.IntN(1e4))
		case k < paragraphs+cards+data:
			b.WriteString(`<script type="application/json">[`)
			for range 10 + rnd.IntN(80) {
				fmt.Fprintf(&b, `{"id":%d,"u":"https:\/\/example.org\/%x","t":"<b>%s<\/b>"},`, rnd.IntN(1e9), rnd.IntN(1e9), text(40))
			}
			b.WriteString("0]</script>\n")
		default:
			fmt.Fprintf(&b, `<script async src="https://t%d.example.net/t.js?id=%d&amp;v=2"></script><iframe width="560" height="315" src="https://v.example.net/%x" allowfullscreen></iframe>`+
				`<noscript><img src="https://p.example.net/%d" alt=""></noscript><svg class="icon" viewBox="0 0 24 24"><path d="M0 0h24v24H%dz"/></svg>`+"\n",
				rnd.IntN(99), rnd.IntN(1e6), rnd.IntN(1e9), rnd.IntN(1e6), rnd.IntN(24))
		}
	}
	b.WriteString("</body>\n</html>\n")
	return b.Bytes()
}
