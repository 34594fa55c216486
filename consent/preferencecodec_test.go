package consent

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// One value is written out, so that a change of the format, which would ask
// every visitor again, is seen.
func TestPreferenceValue(t *testing.T) {
	p := mustNew(t, Config{})
	for want, c := range map[string]Choice{
		"1." + p.Fingerprint() + ".20000.a1.first_party:statistics:third_party...": {Method: AcceptAll},
		"1." + p.Fingerprint() + ".20000.r1..first_party:statistics:third_party..": {Method: RejectAll},
		"1." + p.Fingerprint() + ".20000.s1.statistics.first_party:third_party..":  {Method: Save, Categories: []string{Statistics}},
	} {
		value, err := p.EncodePreference(mustChoose(t, p, c, true), testSite, testKey)
		if err != nil {
			t.Fatal(err)
		}
		if got := value[:len(value)-22]; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if len(value) >= 120 {
			t.Errorf("%d bytes", len(value))
		}
	}
	p = mustNew(t, portal())
	for want, c := range map[string]Choice{
		".20000.s0.statistics.advertising:first_party:third_party.-counter:+maps:+video.": {Method: Save, Categories: []string{Statistics}, Services: []string{"-counter", "video", "maps"}},
		".20000.p0...+video.": {Method: Placeholder, Services: []string{"video"}, Before: p.Decide(nil, false)},
	} {
		value, err := p.EncodePreference(mustChoose(t, p, c, false), testSite, testKey)
		if err != nil {
			t.Fatal(err)
		}
		if got := value[:len(value)-22]; got != "1."+p.Fingerprint()+want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Nothing in the value depends on the visitor, the hour or the process.
func TestPreferenceIdentifiesNobody(t *testing.T) {
	first := ""
	for hour := range 24 {
		p := mustNew(t, portal())
		now := time.Unix(testDay*86400+int64(hour)*3600+int64(hour)*97, 12345*int64(hour))
		pref, err := p.Choose(Choice{Method: Save, Categories: []string{Statistics, FirstParty}, Services: []string{"video", "-counter", "maps"}}, now, false)
		if err != nil {
			t.Fatal(err)
		}
		value, err := p.EncodePreference(pref, testSite, testKey)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = value
		}
		if value != first {
			t.Fatalf("hour %d: got %s, want %s", hour, value, first)
		}
	}
}

func TestPreferenceRoundTrip(t *testing.T) {
	p := mustNew(t, portal())
	random := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		pref := randomPreference(t, p, random)
		value, err := p.EncodePreference(pref, testSite, testKey)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(value) {
			if c := value[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`",;\`, c) >= 0 {
				t.Fatalf("%s holds %q, which is no cookie-octet", value, c)
			}
		}
		got, err := p.DecodePreference(value, testSite, [][]byte{testKey}, testMaxAge, testNow)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, pref) {
			t.Fatalf("got %+v, want %+v", got, pref)
		}
	}
}

func TestPreferenceDays(t *testing.T) {
	p := mustNew(t, Config{})
	for _, tt := range []struct {
		day  int
		want bool
	}{
		{testDay - 100000, false}, {testDay - 183, false}, {testDay - 182, true}, {testDay - 1, true}, {testDay, true}, {testDay + 1, true}, {testDay + 2, false}, {1 << 40, false},
	} {
		pref := mustChoose(t, p, Choice{Method: AcceptAll}, false)
		pref.Day = tt.day
		value, err := p.EncodePreference(pref, testSite, testKey)
		if tt.day < 0 {
			if err == nil {
				t.Errorf("day %d was encoded", tt.day)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.DecodePreference(value, testSite, [][]byte{testKey}, testMaxAge, testNow); (err == nil) != tt.want {
			t.Errorf("day %d: got %v", tt.day, err)
		}
	}
}

func TestPreferenceKeys(t *testing.T) {
	p := mustNew(t, Config{})
	pref := mustChoose(t, p, Choice{Method: AcceptAll}, false)
	other := []byte("another key of some length")
	value, err := p.EncodePreference(pref, testSite, testKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		site string
		keys [][]byte
		want bool
	}{
		{"its key", testSite, [][]byte{testKey}, true},
		{"rotated", testSite, [][]byte{other, testKey}, true},
		{"another key", testSite, [][]byte{other}, false},
		{"no key", testSite, nil, false},
		{"an empty key", testSite, [][]byte{{}, nil}, false},
		{"another site", "example.org", [][]byte{testKey}, false},
		{"no site", "", [][]byte{testKey}, false},
	} {
		if _, err := p.DecodePreference(value, tt.site, tt.keys, testMaxAge, testNow); (err == nil) != tt.want {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	if _, err := p.EncodePreference(pref, testSite, testKey[:15]); err == nil {
		t.Error("a short key signs")
	}
	payload := value[:len(value)-23]
	for _, key := range [][]byte{nil, {}, testKey[:15]} {
		if _, err := p.DecodePreference(payload+"."+preferenceTag(payload, testSite, key), testSite, [][]byte{key}, testMaxAge, testNow); err == nil {
			t.Error("a short key verifies")
		}
	}
	// A site cannot run into the value.
	if preferenceTag("b", "a", testKey) == preferenceTag("", "ab", testKey) {
		t.Error("site and value are signed as one text")
	}
}

// Even under the right signature, only the one canonical form is read.
func TestPreferenceGrammar(t *testing.T) {
	p := mustNew(t, portal())
	const states = "statistics.advertising:first_party:third_party"
	good := "1." + p.Fingerprint() + ".20000.s0." + states + ".-counter:+video"
	sign := func(payload string) string { return payload + "." + preferenceTag(payload, testSite, testKey) }
	decode := func(value string) error {
		_, err := p.DecodePreference(value, testSite, [][]byte{testKey}, testMaxAge, testNow)
		return err
	}
	if err := decode(sign(good)); err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, payload := range []string{
		"", ".", ".......",
		replaced("1.", "2."), replaced("1.", "01."), replaced("1.", "."),
		replaced(p.Fingerprint(), strings.Repeat("A", 12)), replaced(p.Fingerprint(), ""),
		replaced("20000", "020000"), replaced("20000", "+20000"), replaced("20000", "-1"), replaced("20000", ""), replaced("20000", "2e4"), replaced("20000", "99999999999999999999"),
		replaced("s0", "s"), replaced("s0", "s2"), replaced("s0", "S0"), replaced("s0", "s00"), replaced("s0", "x0"), replaced("s0", ""),
		replaced("s0", "a0"), replaced("s0", "r0"), // method against states
		replaced("s0."+states+".-counter:+video", "a0."+states+"."),
		replaced("s0."+states+".-counter:+video", "r0."+states+"."),
		replaced("s0."+states, "a0.advertising:first_party:statistics:third_party."),
		replaced(states, "statistics.first_party:advertising:third_party"),
		replaced(states, "statistics.advertising:advertising:first_party:third_party"),
		replaced(states, "statistics.advertising:first_party:statistics:third_party"),
		replaced(states, "statistics.advertising:first_party"), // one is missing
		replaced(states, "statistics.:advertising:first_party:third_party"),
		replaced(states, "statistics.advertising:first_party:third_party:"),
		replaced(states, "necessary:statistics.advertising:first_party:third_party"),
		replaced(states, "Statistics:statistics.advertising:first_party:third_party"),
		replaced(states, "statistics.advertising:first_party:third_party:z-z"),
		replaced(states, "statistics.advertising:first_party:third_party."),
		replaced(states, "a:b:c:d:e:f:g:h:i:j:k:l:statistics.advertising:first_party:third_party"), // 16 categories
		replaced("-counter:+video", "+video:-counter"),
		replaced("-counter:+video", "-counter:+counter"),
		replaced("-counter:+video", "counter:+video"),
		replaced("-counter:+video", "-counter:"),
		replaced("-counter:+video", "--counter"),
		replaced("-counter:+video", "-"),
		replaced("-counter:+video", "-Counter"),
		replaced("-counter:+video", "-a:-b:-c:-d:-e:-f:-g:-h:-i:-j:-k:-l:-m:-n:-o:-p:-q"), // 17 exceptions
		good + ".", good + "." + good, " " + good, good + " ",
	} {
		if err := decode(sign(payload)); err == nil {
			t.Errorf("%s was read", payload)
		}
	}
	value := sign(good)
	for _, value := range []string{
		"", value + " ", value + "=", value + "A", value[:len(value)-1], strings.ToUpper(value), `"` + value + `"`,
		good + ".", good + "..", strings.Repeat("a", maxPreferenceValue+1), strings.Repeat(".", 1000),
	} {
		if err := decode(value); err == nil {
			t.Errorf("%s was read", value)
		}
	}
	if err := decode(strings.Repeat("a", maxPreferenceValue+1)); !strings.Contains(err.Error(), "too long") {
		t.Errorf("a long value is looked into: %v", err)
	}
	// The last character of the tag has bits to spare, which base64 ignores.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, value[len(value)-1])
	for spare := 1; spare < 16; spare++ {
		if err := decode(value[:len(value)-1] + string(alphabet[last^spare])); err == nil {
			t.Errorf("a tag with other spare bits was read")
		}
	}
}

// What is exempt may come and go without asking again: a stored choice that
// names what is gone is still read, and says nothing of what is new.
func TestPreferenceOutlivesExempt(t *testing.T) {
	with := portal()
	with.Categories = append(with.Categories, Category{Name: "audience", Exempt: "anonymous"})
	gone := service("gone", Statistics)
	gone.Exempt = "anonymous"
	with.Services = append(with.Services, gone)
	old, current := mustNew(t, with), mustNew(t, portal())

	value, err := old.EncodePreference(mustChoose(t, old, Choice{Method: Save, Categories: []string{Statistics}, Services: []string{"-gone"}}, false), testSite, testKey)
	if err != nil {
		t.Fatal(err)
	}
	pref, err := current.DecodePreference(value, testSite, [][]byte{testKey}, testMaxAge, testNow)
	if err != nil {
		t.Fatal(err)
	}
	if d := current.Decide(pref, false); d.Category(Statistics) != Granted || d.Category(ThirdParty) != Refused {
		t.Errorf("got %+v", d)
	}
	if again, err := current.EncodePreference(pref, testSite, testKey); err != nil || again != value {
		t.Errorf("got %s (%v), want %s", again, err, value)
	}

	value, err = current.EncodePreference(mustChoose(t, current, Choice{Method: RejectAll}, false), testSite, testKey)
	if err != nil {
		t.Fatal(err)
	}
	if pref, err = old.DecodePreference(value, testSite, [][]byte{testKey}, testMaxAge, testNow); err != nil {
		t.Fatal(err)
	}
	if got := old.Decide(pref, false).Category("audience"); got != Granted {
		t.Errorf("nobody refused the audience measurement, but it is %s", got)
	}
}

// FuzzPreference checks that no value but those made by EncodePreference is
// read, and that under a stolen signature still only canonical ones are.
func FuzzPreference(f *testing.F) {
	p := mustNew(f, portal())
	valid := map[string]bool{}
	for _, c := range []Choice{
		{Method: AcceptAll},
		{Method: RejectAll},
		{Method: Save, Categories: []string{Statistics}},
		{Method: Save, Categories: []string{Statistics, ThirdParty}, Services: []string{"-counter", "-maps"}},
		{Method: Save, Services: []string{"video", "maps"}},
		{Method: Placeholder, Services: []string{"video"}, Before: p.Decide(nil, false)},
		{Method: Placeholder, Categories: []string{ThirdParty}, Services: []string{"counter"}, Before: p.Decide(nil, true)},
	} {
		for _, gpc := range []bool{false, true} {
			value, err := p.EncodePreference(mustChoose(f, p, c, gpc), testSite, testKey)
			if err != nil {
				f.Fatal(err)
			}
			valid[value] = true
			f.Add(value)
		}
	}
	f.Add("")
	f.Add("1." + p.Fingerprint() + ".20000.s0.a..b..AAAAAAAAAAAAAAAAAAAAAA")
	keys := [][]byte{testKey}
	f.Fuzz(func(t *testing.T, value string) {
		pref, err := p.DecodePreference(value, testSite, keys, testMaxAge, testNow)
		if (err == nil) != valid[value] {
			t.Fatalf("%q: got %+v (%v)", value, pref, err)
		}
		if err != nil && pref != nil {
			t.Fatalf("%q: got %+v with an error", value, pref)
		}

		payload := value
		if at := strings.LastIndexByte(value, '.'); at >= 0 {
			payload = value[:at]
		}
		signed := payload + "." + preferenceTag(payload, testSite, testKey)
		pref, err = p.DecodePreference(signed, testSite, keys, testMaxAge, testNow)
		if err != nil {
			return
		}
		again, err := p.EncodePreference(pref, testSite, testKey)
		if err != nil || again != signed {
			t.Fatalf("%q is read and written as %q (%v)", signed, again, err)
		}
		p.Decide(pref, false)
	})
}
