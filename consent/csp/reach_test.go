package csp

import "testing"

func TestMayReach(t *testing.T) {
	page := Page{Secure: true, Host: "www.example.com"}
	for _, tt := range []struct {
		policy string
		kind   Kind
		want   bool
	}{
		{"", Script, true},
		{"default-src 'self'", Script, false},
		{"default-src 'self'; script-src https://x.test/only/this.js", Script, true},
		{"default-src 'self'; script-src https://x.test/only/this.js", Image, false},
		{"default-src 'self' *.x.test", Image, false},
		{"img-src 'none'", Script, true},
		{"default-src *, default-src 'self'", Connect, false},
		{"default-src https:", Connect, true},
		{"script-src 'nonce-YQ==' 'strict-dynamic'", Script, true},
	} {
		if got := page.MayReach([]string{tt.policy}, tt.kind, "X.test"); got != tt.want {
			t.Errorf("%q, %v: %t", tt.policy, tt.kind, got)
		}
	}
}
