// Command caddy is Caddy with this module linked in, for development, the
// demonstration and the tests. For production, build with xcaddy.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/cookieconsent/caddy-cookie-consent"
)

func main() {
	caddycmd.Main()
}
