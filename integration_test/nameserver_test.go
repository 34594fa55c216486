package integration_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers, by DNS over HTTPS (RFC 8484), where names are. It is the only one
// that Firefox asks, so that it knows of everybody whom Firefox is about to contact, be
// it only to know where they are.
type nameServer struct {
	url                 string
	httpPort, httpsPort int // where connections to ports 80 and 443 lead
	resolve             func(name string) netip.Addr
}

// newNameServer answers with what resolve returns for a name, in small letters and
// without the dot at its end.
func newNameServer(t testing.TB, httpPort, httpsPort int, resolve func(name string) netip.Addr) *nameServer {
	n := &nameServer{httpPort: httpPort, httpsPort: httpsPort, resolve: resolve}
	server := httptest.NewUnstartedServer(n)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	n.url = server.URL + "/dns-query"
	return n
}

// preferences make Firefox ask the server, and nobody else.
func (n *nameServer) preferences() map[string]any {
	const nobodyElse = 3
	return map[string]any{
		"network.socket.forcePort":    fmt.Sprintf("80=%d;443=%d", n.httpPort, n.httpsPort),
		"network.trr.mode":            nobodyElse,
		"network.trr.uri":             n.url,
		"network.trr.custom_uri":      n.url,
		"network.trr.confirmationNS":  "skip",
		"network.trr.allow-rfc1918":   true,
		"network.proxy.type":          0,
		"network.dns.disableIPv6":     true,
		"network.dns.disablePrefetch": false,
	}
}

func (n *nameServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, _ := base64.RawURLEncoding.DecodeString(r.FormValue("dns"))
	var message dnsmessage.Message
	if err := message.Unpack(query); err != nil || len(message.Questions) != 1 {
		http.Error(w, "no question", http.StatusBadRequest)
		return
	}
	question := message.Questions[0]
	addr := n.resolve(strings.ToLower(strings.TrimSuffix(question.Name.String(), ".")))
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: message.ID, Response: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: message.Questions,
	}
	if question.Type == dnsmessage.TypeA {
		answer.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 3600},
			Body:   &dnsmessage.AResource{A: addr.As4()},
		}}
	}
	packed, err := answer.Pack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/dns-message")
	w.Write(packed)
}
