package cookieconsent

import (
	"fmt"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// Without proof, what a choice refuses holds and what it grants does not, unless
// that was granted before.
func TestOnlyRefusals(t *testing.T) {
	h := newTestHandler(t, &Handler{
		Categories: []consent.Category{{Name: consent.Statistics, Exempt: "anonymous"}},
		Services: []consent.Service{
			{ID: "visits", Category: consent.Statistics, Provider: "p", Purpose: consent.Text{"": "x"}, Cookies: []string{"v"}},
			{ID: "video", Category: consent.ThirdParty, Provider: "p", Purpose: consent.Text{"": "x"}, Cookies: []string{"w"}},
			{ID: "fonts", Category: consent.ThirdParty, Provider: "p", Purpose: consent.Text{"": "x"}, Cookies: []string{"f"}, Exempt: "harmless"},
		},
	})
	choose := func(c *consent.Choice, gpc bool) *consent.Preference {
		if c == nil {
			return nil
		}
		pref, err := h.policy.Choose(*c, time.Now(), gpc)
		if err != nil {
			t.Fatal(err)
		}
		return pref
	}
	all, none := &consent.Choice{Method: consent.AcceptAll}, &consent.Choice{Method: consent.RejectAll}
	save := func(categories []string, services ...string) *consent.Choice {
		return &consent.Choice{Method: consent.Save, Categories: categories, Services: services}
	}
	things := []string{consent.Statistics, consent.FirstParty, consent.ThirdParty}
	services := []string{"visits", "video", "fonts"}
	tests := []struct {
		name          string
		before, after *consent.Choice
		granted       []string // nil: nothing changes
	}{
		{"first consent", nil, all, nil},
		{"first consent, exempt off", nil, save([]string{consent.FirstParty}, "fonts"), []string{"fonts"}},
		{"first consent, exempt kept", nil, save([]string{consent.Statistics, consent.FirstParty}, "fonts"), nil},
		{"first consent, exempt service off", nil, save([]string{consent.Statistics, consent.FirstParty}, "-fonts"), []string{consent.Statistics, "visits"}},
		{"consent again", all, all, nil},
		{"some withdrawn", all, save([]string{consent.Statistics, consent.FirstParty}), []string{consent.Statistics, consent.FirstParty, "visits"}},
		{"one for another", save([]string{consent.FirstParty}), save([]string{consent.ThirdParty}), []string{}},
		{"service withdrawn", all, save([]string{consent.Statistics, consent.FirstParty, consent.ThirdParty}, "-video"), []string{consent.Statistics, consent.FirstParty, consent.ThirdParty, "visits", "fonts"}},
		{"more", none, save([]string{consent.FirstParty}), nil},
	}
	for _, test := range tests {
		for _, gpc := range []bool{false, true} {
			before := h.policy.Decide(choose(test.before, gpc), gpc)
			pref := choose(test.after, gpc)
			wanted := h.policy.Decide(pref, gpc)
			kept := h.onlyRefusals(before, pref)
			if gpc {
				if kept == nil {
					continue
				}
			} else if (kept == nil) != (test.granted == nil) {
				t.Errorf("%s: kept %+v", test.name, kept)
				continue
			}
			if kept == nil {
				continue
			}
			if _, err := h.policy.EncodePreference(kept, "site.example", make([]byte, 32)); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			got := h.policy.Decide(kept, gpc)
			var granted []string
			check := func(name string, was, want, is consent.State) {
				if is == consent.Granted && (was != consent.Granted || want != consent.Granted) {
					t.Errorf("%s, GPC %t: %s is granted without proof", test.name, gpc, name)
				}
				if is == consent.Granted {
					granted = append(granted, name)
				}
			}
			for _, name := range things {
				check(name, before.Category(name), wanted.Category(name), got.Category(name))
			}
			for _, id := range services {
				check(id, before.Service(id), wanted.Service(id), got.Service(id))
			}
			if !gpc && len(granted) != len(test.granted) {
				t.Errorf("%s: granted %q, want %q", test.name, granted, test.granted)
			}
		}
	}
}

func TestWithdrawal(t *testing.T) {
	h := newTestHandler(t, &Handler{Services: declaredStatistics()})
	decide := func(method consent.Method, categories ...string) *consent.Decision {
		pref, err := h.policy.Choose(consent.Choice{Method: method, Categories: categories}, time.Now(), false)
		if err != nil {
			t.Fatal(err)
		}
		return h.policy.Decide(pref, false)
	}
	nobody, all, none, some := h.policy.Decide(nil, false), decide(consent.AcceptAll), decide(consent.RejectAll), decide(consent.Save, consent.Statistics)
	for _, test := range []struct {
		name          string
		before, after *consent.Decision
		want          bool
	}{
		{"first refusal", nobody, none, false},
		{"all taken back", all, none, true},
		{"the rest taken back", some, none, true},
		{"some taken back", all, some, false},
		{"refused again", none, none, false},
	} {
		want := string(test.after.Preference().Method)
		if test.want {
			want = ledger.Withdraw
		}
		if got := h.method(test.before, test.after); got != want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}

func TestRateLimit(t *testing.T) {
	now := time.Now()
	l := &rateLimit{young: map[network]*bucket{}}
	allowed := func(address string, kind choiceKind, n int) (count int) {
		for range n {
			if l.allow(address, kind, 10, now) {
				count++
			}
		}
		return count
	}
	for _, test := range []struct {
		address string
		kind    choiceKind
		want    int
	}{
		{"203.0.113.1", choiceConsent, 10},
		{"203.0.113.99", choiceConsent, 0},       // the same network
		{"::ffff:203.0.113.7", choiceConsent, 0}, // the same, written otherwise
		{"203.0.113.99", choiceRefusal, 10},      // another kind
		{"203.0.114.1", choiceConsent, 10},       // another network
		{"2001:db8:1:2::1", choiceConsent, 10},
		{"2001:db8:1:3::1", choiceConsent, 0},
		{"2001:db8:2::1", choiceConsent, 10},
		{"127.0.0.1", choiceConsent, 20},
		{"::1", choiceConsent, 20},
		{"", choiceConsent, 10}, // without an address
		{"@", choiceConsent, 0},
	} {
		if got := allowed(test.address, test.kind, 20); got != test.want {
			t.Errorf("%q, %s: %d allowed, want %d", test.address, test.kind, got, test.want)
		}
	}
	now = now.Add(30 * time.Second)
	if got := allowed("203.0.113.1", choiceConsent, 20); got != 5 {
		t.Errorf("after half a minute: %d allowed", got)
	}
	if !l.allow("203.0.113.1", choiceConsent, 0, now) {
		t.Error("no limit is a limit")
	}
	for i := range 3 * maxNetworks {
		l.allow(fmt.Sprintf("10.%d.%d.1", i>>8&255, i&255), choiceConsent, 10, now)
	}
	if len(l.young)+len(l.old) > 2*maxNetworks {
		t.Errorf("%d networks are remembered", len(l.young)+len(l.old))
	}
}
