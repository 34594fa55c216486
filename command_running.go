package cookieconsent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

const (
	// adminPatience is how long a command waits for a running Caddy.
	adminPatience = 3 * time.Second

	// maxAdminAnswer bounds what is read of its answers, in bytes.
	maxAdminAnswer = 128 << 20
)

// running is a Caddy that answers at its admin endpoint.
type running struct{ address string }

// askRunning returns the running Caddy and its inventory; nil if none answers, which is
// an error only where an address is named. The configuration tells where it should
// answer, as to Caddy's own commands.
func askRunning(address string, config []byte, file string) (*running, *inventory.Snapshot, error) {
	var admin struct {
		Admin caddy.AdminConfig `json:"admin"`
	}
	if address == "" && len(config) > 0 {
		if err := json.Unmarshal(config, &admin); err != nil {
			return nil, nil, fmt.Errorf("reading the configuration: %w", err)
		}
		if admin.Admin.Disabled {
			return nil, nil, nil // who answers at the default address is another one
		}
	}
	found, err := caddycmd.DetermineAdminAPIAddress(address, config, file, "")
	if err != nil {
		return nil, nil, err
	}
	r := &running{caddy.NewReplacer().ReplaceAll(found, "")}
	body, err := r.get(inventoryEndpoint)
	if err == nil {
		var snapshot *inventory.Snapshot
		if snapshot, err = inventory.Decode(body); err == nil {
			return r, snapshot, nil
		}
	}
	switch {
	case address != "":
		return nil, nil, fmt.Errorf("asking the running Caddy at %s: %w", address, err)
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Fprintf(os.Stderr, "the running Caddy at %s does not answer in time; reading the file\n", r.address)
	}
	return nil, nil, nil
}

// get returns the answer of an endpoint, or gives up after a while.
func (r *running) get(path string) ([]byte, error) {
	type answer struct {
		body []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		res, err := caddycmd.AdminAPIRequest(r.address, http.MethodGet, path, nil, nil)
		if err != nil {
			answers <- answer{err: err}
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(io.LimitReader(res.Body, maxAdminAnswer))
		answers <- answer{body, err}
	}()
	select {
	case a := <-answers:
		return a.body, a.err
	case <-time.After(adminPatience):
		return nil, context.DeadlineExceeded
	}
}

// config returns the running configuration in JSON, empty if it can't be had.
func (r *running) config() []byte {
	body, err := r.get("/config/")
	if err != nil {
		return nil
	}
	return body
}

// ledgerProblem returns why the running Caddy can record no choices, "" if it can or
// keeps no ledger.
func (r *running) ledgerProblem() string {
	var state runningState
	body, err := r.get(stateEndpoint)
	if err != nil || json.Unmarshal(body, &state) != nil || state.Ledger == nil {
		return ""
	}
	return state.Ledger.Problem
}
