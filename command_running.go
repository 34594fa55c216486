package cookieconsent

import (
	"encoding/json"
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

// askRunning returns the running Caddy and its inventory; nil if none answers, which it
// says on standard error, and which is an error where an address is named. The
// configuration tells where it should answer, as to Caddy's own commands.
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
	err = fmt.Errorf("asking the running Caddy at %s: %w", r.address, err)
	if address != "" {
		return nil, nil, err
	}
	fmt.Fprintf(os.Stderr, "%v; the file is read instead\n", err)
	return nil, nil, nil
}

// readSeen returns the inventory of the files that are named; without any, that of the
// running Caddy, or else that of this machine's file.
func readSeen(files []string, address string, config []byte, file string) (*running, *inventory.Snapshot, error) {
	if len(files) == 0 {
		if r, snapshot, err := askRunning(address, config, file); r != nil || err != nil {
			return r, snapshot, err
		}
	}
	snapshot, err := readInventoryFiles(files)
	return nil, snapshot, err
}

// errSilent is that a running Caddy does not answer in time.
var errSilent = fmt.Errorf("no answer within %s", adminPatience)

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
		return nil, errSilent
	}
}

// config returns the running configuration in JSON, empty if it can't be had.
func (r *running) config() []byte {
	body, err := r.get("/config/")
	if err != nil {
		fmt.Fprintf(os.Stderr, "asking the running Caddy at %s for its configuration: %v; what is declared is not known\n", r.address, err)
	}
	return body
}

// ledgerProblem returns why the running Caddy can record no choices, "" if it can or
// keeps no ledger.
func (r *running) ledgerProblem() string {
	var state runningState
	body, err := r.get(stateEndpoint)
	if err == nil {
		err = json.Unmarshal(body, &state)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "asking the running Caddy at %s for its state: %v; whether the ledger can record is not known\n", r.address, err)
	}
	if err != nil || state.Ledger == nil {
		return ""
	}
	return state.Ledger.Problem
}
