package integration_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Where the names of documents lead on each way, and all other names, on the same
// ports. The last is an address that documents themselves name.
var (
	blockedAddress = netip.MustParseAddr("127.0.0.1")
	plainAddress   = netip.MustParseAddr("127.0.0.2")
	consentAddress = netip.MustParseAddr("127.0.0.3")
	othersAddress  = netip.MustParseAddr("127.0.0.4")
	namedAddress   = netip.MustParseAddr("127.9.9.2")
)

func wayAddress(name string) netip.Addr {
	letter := ""
	if found := namesDocument.FindString(name); found != "" {
		letter = found[:1]
	}
	for address, ways := range map[netip.Addr][]way{plainAddress: plainWays, consentAddress: consentWays} {
		for _, w := range ways {
			if w.letter == letter {
				return address
			}
		}
	}
	return blockedAddress
}

// The same in Firefox, which is seen to look up names as well.
func TestDocumentsInFirefox(t *testing.T) {
	all := documents(t)
	backend := documentBackend(t, all)
	open := strings.Replace(policy, "cookie_consent {", "cookie_consent {\nwall off\nfirst_party "+strings.Join(otherHosts, " "), 1)
	at := func(address netip.Addr, directives string) string {
		return siteFor("https://*.site.test", "bind "+address.String()+"\n"+directives+"reverse_proxy "+backend)
	}
	s := start(t, at(blockedAddress, policy)+at(consentAddress, open)+at(plainAddress, ""))
	s.awaitCertificate(t, "a.site.test")
	port := func(address netip.Addr, port int) string {
		return net.JoinHostPort(address.String(), strconv.Itoa(port))
	}
	o := newOthers(t, port(othersAddress, s.httpsPort), port(namedAddress, s.httpsPort))
	plain := &http.Server{Handler: o}
	go plain.Serve(listen(t, port(othersAddress, s.httpPort)))
	t.Cleanup(func() { plain.Close() })
	names := newNameServer(t, s.httpPort, s.httpsPort, func(name string) netip.Addr {
		if strings.HasSuffix(name, ".site.test") {
			return wayAddress(name)
		}
		o.note("lookup of " + name)
		return othersAddress
	})
	browsers := map[bool]*firefox{}
	for _, scripts := range []bool{true, false} {
		browsers[scripts] = openFirefox(t, names, map[string]any{
			"javascript.enabled": scripts,
			"fission.autostart":  false, // which starts a process for every site
			// Nobody goes back.
			"browser.sessionhistory.max_total_viewers": 0,
			"places.history.enabled":                   false,
		})
	}
	f := documentBrowser{
		visit: func(visits []*visit) {
			var done sync.WaitGroup
			for scripts, b := range browsers {
				var some []*visit
				for _, v := range visits {
					if v.scripts == scripts {
						some = append(some, v)
					}
				}
				done.Go(func() {
					o.visit(func() (tab, error) { return b.openTab(context.Background()) }, some)
				})
			}
			done.Wait()
		},
		recorded: (*document).recordedInFirefox,
		saved:    []string{"h434", "h435", "h446"},
		guarded: map[string]string{
			"h194": "nobody looks into rules for what is loaded ahead",
			"h362": "the configuration names no IPv6 addresses",
			"h365": "nobody is asked for such an address, but what is not known is blocked",
		},
		left: map[string]string{
			"h069": "the visitor sends a form",
			"h479": "the visitor follows a redirect",
		},
	}
	f.check(t, o, all)
}

// recordedInFirefox are the hosts that a document was seen to contact, as far as others
// can see them: with scripts.
func (d *document) recordedInFirefox(w way) []string {
	// Firefox minds no alternative services of sites whose certificate it was told to
	// accept.
	if !w.scripts || d.ID == "h477" {
		return nil
	}
	var hosts []string
	for host, level := range d.Firefox {
		if _, err := netip.ParseAddr(host); err != nil {
			hosts = append(hosts, "lookup of "+host)
		}
		if level != "dns" && d.ID != "h352" { // whose name Go's TLS refuses
			hosts = append(hosts, host)
		}
	}
	return hosts
}
