package wall

import (
	"fmt"
	"strings"
	"sync"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

const (
	// maxPolicy bounds the hosts in a policy, in bytes: servers and proxies limit
	// the size of a header.
	maxPolicy = 2048

	// maxPolicies bounds the policies that are kept.
	maxPolicies = 1024
)

// Policies makes the content security policies of one consent policy: those by which
// browsers refuse what neither the site itself nor anybody that the visitor agreed to
// is to answer. A policy of the application stays in force beside them. They are safe
// for concurrent use.
type Policies struct {
	policy *consent.Policy

	mu   sync.RWMutex
	kept map[policyKey]string
}

type policyKey struct {
	decision *consent.Decision
	host     string
}

// NewPolicies returns the policies for a consent policy. It is an error if its hosts
// are too many to name them all in one header.
func NewPolicies(p *consent.Policy) (*Policies, error) {
	var b strings.Builder
	check := func(field, host string) error {
		if writeHost(&b, host); b.Len() <= maxPolicy {
			return nil
		}
		return &consent.ConfigError{
			Field: field, Value: host,
			Problem: fmt.Sprintf("is one host too many: a Content-Security-Policy has to name them all in %d bytes; "+
				"name *.example.com in place of several hosts below it, or do without the policy by \"wall off\"", maxPolicy),
		}
	}
	cfg := p.Config()
	for i, host := range cfg.FirstParty {
		if err := check(fmt.Sprintf("first_party[%d]", i), host); err != nil {
			return nil, err
		}
	}
	for i := range cfg.Services {
		for j, host := range cfg.Services[i].Hosts {
			if err := check(fmt.Sprintf("services[%d].hosts[%d]", i, j), host); err != nil {
				return nil, err
			}
		}
	}
	return &Policies{policy: p, kept: map[policyKey]string{}}, nil
}

// Of returns the policy for pages of a host under a decision; "" where everything is
// granted. Nobody can be forbidden by name in such a policy, so that everybody has to
// be who is not allowed as soon as anybody is not.
func (p *Policies) Of(d *consent.Decision, page *consent.Page) string {
	if d.AllGranted() {
		return ""
	}
	key := policyKey{d, page.Host()}
	p.mu.RLock()
	policy, ok := p.kept[key]
	p.mu.RUnlock()
	if ok {
		return policy
	}
	policy = p.compile(d, page)
	if len(key.host) > consent.MaxHost {
		return policy
	}
	key.host = strings.Clone(key.host) // out of a request
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.kept) >= maxPolicies {
		clear(p.kept)
	}
	p.kept[key] = policy
	return policy
}

func (p *Policies) compile(d *consent.Decision, page *consent.Page) string {
	var b strings.Builder
	b.WriteString("default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'")
	own := page.Host()
	if site := page.Site(); site != "" {
		writeHost(&b, "*."+site)
		own = site
	}
	if !strings.HasPrefix(own, "[") && len(own) <= consent.MaxHost { // others no policy can name
		writeHost(&b, own)
	}
	cfg := p.policy.Config()
	for _, host := range cfg.FirstParty {
		writeHost(&b, host)
	}
	for i := range cfg.Services {
		s := &cfg.Services[i]
		if d.Service(s.ID) != consent.Granted {
			continue
		}
		for _, host := range s.Hosts {
			writeHost(&b, host)
		}
	}
	return b.String()
}

// writeHost allows a host on every port. Without a scheme it is allowed by that of the
// page, which WebSockets don't have; ws stands for wss too.
func writeHost(b *strings.Builder, host string) {
	for _, scheme := range [...]string{" ", " ws://"} {
		b.WriteString(scheme)
		b.WriteString(host)
		b.WriteString(":*")
	}
}
