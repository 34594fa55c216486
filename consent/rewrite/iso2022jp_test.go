package rewrite

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// decodeISO2022JP is the ISO-2022-JP decoder of the Encoding Standard, step by
// step as section 12.2.1 has it, but for the table of characters: all that is not
// ASCII is "?". Japanese decoders for e-mail, as that of golang.org/x/text, differ
// from it in what they make of errors and line ends.
func decodeISO2022JP(p []byte) string {
	const endOfQueue = -1
	queue := make([]int, 0, len(p)+1)
	for _, c := range p {
		if c == '?' {
			c = '!' // so that the sign means one thing
		}
		queue = append(queue, int(c))
	}
	queue = append(queue, endOfQueue)
	var out strings.Builder
	const failure = "?"
	restore := func(items ...int) { queue = append(append([]int{}, items...), queue...) }

	decoder, decoderOutput, output, lead := "ASCII", "ASCII", false, 0
	for {
		b := queue[0]
		queue = queue[1:]
		switch decoder {
		case "ASCII", "Roman", "katakana":
			switch {
			case b == 0x1b:
				decoder = "escape start"
			case b == endOfQueue:
				return out.String()
			case decoder == "Roman" && (b == 0x5c || b == 0x7e):
				output = false
				out.WriteString("?") // the yen sign or the overline
			case decoder != "katakana" && b <= 0x7f && b != 0x0e && b != 0x0f:
				output = false
				out.WriteByte(byte(b))
			default: // a katakana character or an error
				output = false
				out.WriteString("?")
			}
		case "lead byte":
			switch {
			case b == 0x1b:
				decoder = "escape start"
			case 0x21 <= b && b <= 0x7e:
				output = false
				decoder = "trail byte"
			case b == endOfQueue:
				return out.String()
			default:
				output = false
				out.WriteString(failure)
			}
		case "trail byte":
			out.WriteString("?") // a character or an error
			decoder = "lead byte"
			if b == 0x1b {
				decoder = "escape start"
			}
			if b == endOfQueue {
				restore(b)
			}
		case "escape start":
			if b == 0x24 || b == 0x28 {
				lead = b
				decoder = "escape"
				continue
			}
			restore(b)
			output = false
			decoder = decoderOutput
			out.WriteString(failure)
		case "escape":
			l, state := lead, ""
			lead = 0
			switch {
			case l == 0x28 && b == 0x42:
				state = "ASCII"
			case l == 0x28 && b == 0x4a:
				state = "Roman"
			case l == 0x28 && b == 0x49:
				state = "katakana"
			case l == 0x24 && (b == 0x40 || b == 0x42):
				state = "lead byte"
			}
			if state != "" {
				decoder, decoderOutput = state, state
				before := output
				output = true
				if before {
					out.WriteString(failure)
				}
				continue
			}
			restore(l, b)
			output = false
			decoder = decoderOutput
			out.WriteString(failure)
		}
	}
}

// skeleton makes one "?" of any run of them.
func skeleton(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] != '?' || i == 0 || s[i-1] != '?' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// maskedText is what a scanner sees of a page that comes in pieces.
func maskedText(t testing.TB, d *iso2022jp, pieces ...string) string {
	t.Helper()
	var out strings.Builder
	rest := ""
	for n, piece := range pieces {
		p := rest + piece
		mask := d.mask(nil, []byte(p), n == len(pieces)-1)
		if len(mask) > len(p) || len(p)-len(mask) > jisLength || n == len(pieces)-1 && len(mask) != len(p) {
			t.Fatalf("the mask of %q has %d bytes", p, len(mask))
		}
		for i, c := range mask {
			if c != jisOther && c != p[i] {
				t.Fatalf("the mask of %q has %q for byte %d", p, c, i)
			}
		}
		for i := 0; i < len(mask); {
			gap, ok := d.gap(i)
			if !ok {
				gap = len(mask)
			}
			for ; i < gap; i++ {
				switch mask[i] {
				case jisOther:
					out.WriteByte('?')
				case '?':
					out.WriteByte('!')
				default:
					out.WriteByte(mask[i])
				}
			}
			if ok {
				i += jisLength
			}
		}
		rest = p[len(mask):]
	}
	return skeleton(out.String())
}

func checkMask(t testing.TB, page string) {
	t.Helper()
	want := skeleton(decodeISO2022JP([]byte(page)))
	if got := maskedText(t, new(iso2022jp), page); got != want {
		t.Fatalf("%q looks like %q, want %q", page, got, want)
	}
	for i := range len(page) + 1 {
		if got := maskedText(t, new(iso2022jp), page[:i], page[i:]); got != want {
			t.Fatalf("%q | %q looks like %q, want %q", page[:i], page[i:], got, want)
		}
	}
	if got := maskedText(t, new(iso2022jp), append(strings.Split(page, ""), "")...); got != want {
		t.Fatalf("%q byte by byte looks like %q, want %q", page, got, want)
	}
}

// jisBytes are those that the decoder tells apart, one of each kind.
const jisBytes = "\x1b($BJI@<\\\n\x0e\xe9"

// Every text of up to five bytes, behind what leads to each state.
func TestMask(t *testing.T) {
	longest := 5
	if testing.Short() {
		longest = 4
	}
	var texts func(prefix string, n int)
	texts = func(prefix string, n int) {
		checkMask(t, prefix)
		if n > 0 {
			for i := range len(jisBytes) {
				texts(prefix+jisBytes[i:i+1], n-1)
			}
		}
	}
	texts("", longest)
	for _, state := range []string{"<\x1b(B", "<\x1b(J", "\x1b(Ia", "\x1b$B<", "\x1b$B<<", "\x1b$@"} {
		texts(state, longest-2)
	}
}

// randomJIS is a text in which escape sequences are frequent.
func randomJIS(rnd *rand.Rand) string {
	var b strings.Builder
	for range rnd.IntN(12) {
		pieces := []string{"\x1b(B", "\x1b(J", "\x1b(I", "\x1b$B", "\x1b$@", "\x1b(X", "\x1b", "\x1b(", "\x1b$", "<p>", "4A", "a", "\\~", "\n", "\x8e", "\x0e", "<", ">"}
		b.WriteString(pieces[rnd.IntN(len(pieces))])
	}
	return b.String()
}

func FuzzMask(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		f.Add(randomJIS(rnd))
	}
	f.Fuzz(func(t *testing.T, page string) {
		if len(page) > 200 {
			page = page[:200]
		}
		checkMask(t, page)
	})
}

// insertJIS inserts text before page[at], as a rewriter does.
func insertJIS(page string, at int, text string) string {
	var d iso2022jp
	d.mask(nil, []byte(page), true)
	moved, before, after := d.place(at)
	return page[:moved] + before + text + after + page[moved:]
}

// Text that is inserted between two characters is read as it is, and nothing else
// is read in another way.
func TestMaskPlace(t *testing.T) {
	const text = `<b a='\~'>`
	rnd := rand.New(rand.NewPCG(3, 4))
	tried := 0
	for range 20000 {
		page := randomJIS(rnd)
		var d iso2022jp
		mask := d.mask(nil, []byte(page), true)
		for at := range page {
			if mask[at] == jisOther {
				continue
			}
			tried++
			decoded := skeleton(decodeISO2022JP([]byte(page)))
			inserted := skeleton(decodeISO2022JP([]byte(insertJIS(page, at, text))))
			before, after, found := strings.Cut(inserted, text)
			// Where two escape sequences follow each other, which shows as U+FFFD,
			// a third shows too.
			if !found || skeleton(before+after) != decoded {
				t.Fatalf("%q before byte %d of %q: %q, want %q", text, at, page, inserted, decoded)
			}
		}
	}
	if tried < 10000 {
		t.Fatalf("only %d insertions", tried)
	}
}

// vanishes is where Chromium 156 differs from the standard: a byte that is an
// error right behind a broken escape sequence shows as nothing. It stands behind
// "(" or "$", so that no markup depends on it.
var vanishes = regexp.MustCompile(`\x1b[($][\x0e\x{FFFD}]`)

func TestMaskInChromium(t *testing.T) {
	ctx := browser.Start(t)

	rnd := rand.New(rand.NewPCG(5, 6))
	pages := make([]string, 20000)
	inputs := make([][]int, len(pages)) // JSON has no bytes
	for i := range pages {
		// It also differs at the end of a page, behind which nothing comes.
		for pages[i] == "" || vanishes.MatchString(pages[i]) {
			pages[i] = randomJIS(rnd) + "<z>"
		}
		for _, c := range []byte(pages[i]) {
			inputs[i] = append(inputs[i], int(c))
		}
	}
	arg, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](
		`(`+string(arg)+`).map(p => new TextDecoder("iso-2022-jp").decode(new Uint8Array(p || [])).replace(/\?/g, "!").replace(/[^\0-\x7f]/gu, "?"))`))
	if err != nil {
		t.Fatal(err)
	}
	for i, page := range pages {
		if got, want := maskedText(t, new(iso2022jp), page), skeleton(decoded[i]); got != want {
			t.Errorf("%q looks like %q, in Chromium %q", page, got, want)
		}
	}
}
