package weburl

import "testing"

func TestData(t *testing.T) {
	for _, tt := range []struct {
		url, essence, content string
		isData                bool
	}{
		{"data:text/html,<p>x", "text/html", "<p>x", true},
		{"data:,x", "text/plain", "x", true},
		{"data:;charset=utf-8,x", "text/plain", "x", true},
		{" \x01DA\nTA:Text/HTML ;charset=x,a%3Cb%3e%zz%", "text/html", "a<b>%zz%", true},
		{"data:text/html,a,b#<p>", "text/html", "a,b", true},
		{"data:text/html;base64,PHA+eA==", "text/html", "<p>x", true},
		{"data:text/html; BASE64 ,PHA%2BeA", "text/html", "<p>x", true},
		{"data:text/html;base64, PH A+%0AeA==", "text/html", "<p>x", true},
		{"data:text/html;base64;charset=utf-8,PHA+eA==", "", "", true},
		{"data:text/html;base64,PHA+e", "", "", true},
		{"data:text/html;base64x,PHA+eA==", "text/html", "PHA+eA==", true},
		{"data:base64,PHA+eA==", "base64", "PHA+eA==", true},
		{"data:text/html", "", "", true},
		{"dat:text/html,x", "", "", false},
		{"/data:text/html,x", "", "", false},
		{"", "", "", false},
	} {
		essence, content, isData := Data(tt.url)
		if essence != tt.essence || string(content) != tt.content || isData != tt.isData {
			t.Errorf("%q: %q %q %t", tt.url, essence, content, isData)
		}
	}
}
