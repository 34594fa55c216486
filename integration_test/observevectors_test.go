package integration_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// date is the header that Caddy adds to the answers that it gives itself.
var date = regexp.MustCompile(`\r\nDate: [^\r]*`)

// Observe mode is invisible with every measured Set-Cookie field in responses and as
// Cookie field in requests, and with every measured document, whether it is read or not.
func TestObserveChangesNothingOfVectors(t *testing.T) {
	replies := map[string]string{}
	requests := map[string]string{} // header lines
	const plainText = "Content-Type: text/plain"
	for number, v := range vectors(t) {
		path := "/cookie/" + strconv.Itoa(number)
		replies[path] = strings.Replace(reply("200 OK", "body", plainText), "\r\n\r\n", "\r\n"+v.head+"\r\n", 1)
		requests[path] = strings.NewReplacer("Set-Cookie", "Cookie", "set-cookie", "cookie", "SET-COOKIE", "COOKIE").Replace(v.head)
	}
	documents := documents(t)
	for _, d := range documents {
		header := d.Header
		if d.Type != nil {
			header = append([]string{"Content-Type: " + *d.Type}, header...)
		}
		replies["/document/"+d.ID] = reply(strconv.Itoa(d.Status)+" "+http.StatusText(d.Status), d.Body, header...)
	}
	backend := newByteBackend(t, replies)
	port := freePort(t)
	c := startChild(t, quietSite("reverse_proxy "+backend.addr)+
		fmt.Sprintf("http://:%d {\ncookie_consent {\nmode observe\n}\nreverse_proxy %s\n}\n", port, backend.addr))

	// A page a second of a site is read: one of each of many sites.
	const sites = 60
	read, different, passedOn := 0, 0, 0
	for i, path := range slices.Sorted(maps.Keys(replies)) {
		if i%sites == 0 {
			time.Sleep(1100 * time.Millisecond)
		}
		ask := func(port int) (response, request string) {
			response, request = backend.ask(t, port, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: site%d.example.test\r\nConnection: close\r\n"+
				"Accept: text/html\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n%s\r\n", path, i%sites, requests[path]))
			if strings.HasPrefix(response, "HTTP/1.1 502 ") { // the application's answer is none
				response = date.ReplaceAllString(response, "")
			}
			return response, request
		}
		plain, plainRequest := ask(c.httpPort)
		observed, observedRequest := ask(port)
		if lines := reportOnly.FindAllString(observed, -1); len(lines) == 1 {
			read++
			observed = reportOnly.ReplaceAllString(observed, "")
		}
		if plain == "" || observed != plain || observedRequest != plainRequest {
			if different++; different < 10 {
				t.Errorf("%s: the visitor got\n%q, not\n%q; the application got\n%q, not\n%q", path, observed, plain, observedRequest, plainRequest)
			}
		}
		if strings.HasPrefix(plain, "HTTP/1.1 200 ") {
			passedOn++
		}
	}
	if different > 0 || read < len(documents)*4/5 || passedOn < len(replies)*4/5 {
		t.Errorf("%d of %d are different; %d of %d documents were read, %d of all passed Caddy", different, len(replies), read, len(documents), passedOn)
	}
}
