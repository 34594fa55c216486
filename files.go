package cookieconsent

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// loadCatalog reads the operator's own lists. Names of files may hold placeholders.
func (h *Handler) loadCatalog() error {
	replacer := caddy.NewReplacer()
	lists := make([]*catalog.List, len(h.Catalog))
	for i, file := range h.Catalog {
		list, err := catalog.ReadList(replacer.ReplaceAll(file, ""))
		if err != nil {
			return fmt.Errorf("reading catalog[%d]: %w", i, err)
		}
		h.logger.Info("read a list of the catalog",
			zap.String("file", list.File), zap.String("kind", string(list.Kind)), zap.Int("found", list.Found), zap.Int("skipped", list.Skipped))
		lists[i] = list
	}
	known, err := catalog.Default().With(lists...)
	if err != nil {
		return fmt.Errorf("adding lists to the catalog: %w", err)
	}
	h.catalog = known
	return nil
}

// loadTheme reads the operator's own style sheet and templates. Names of files may hold
// placeholders.
func (h *Handler) loadTheme() (err error) {
	replacer := caddy.NewReplacer()
	h.theme, err = banner.ReadTheme(replacer.ReplaceAll(h.Stylesheet, ""), replacer.ReplaceAll(h.Templates, ""))
	if err != nil {
		return fmt.Errorf("reading the theme: %w", err)
	}
	return nil
}
