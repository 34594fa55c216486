// Command caddy is Caddy with this module and its store for PostgreSQL,
// as who needs it builds it.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/cookieconsent/caddy-cookie-consent"
	_ "github.com/cookieconsent/caddy-cookie-consent/postgres"
)

func main() {
	caddycmd.Main()
}
