package cookieconsent

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// recordPatience bounds how long a visitor waits for the proof of a choice.
const recordPatience = 5 * time.Second

// prove records a choice, which the exchange's decision holds already, after the
// decision that held before. It returns the receipt, nil without a ledger or for
// a refusal that could not be recorded: a visitor can always refuse. A consent
// without proof is an error, for the visitor to try again.
func (h *Handler) prove(r *http.Request, x *exchange, before *consent.Decision, form url.Values) (*banner.Receipt, *endpointError) {
	if h.ledger == nil {
		return nil, nil
	}
	grants := h.grants(x.decision)
	kind := choiceRefusal
	if grants {
		kind = choiceConsent
	}
	problem := &endpointError{status: http.StatusServiceUnavailable, problem: banner.Unproven, retryAfter: "5"}
	if address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); !recentChoices.allow(address, kind, h.ledger.limit, time.Now()) {
		problem = &endpointError{status: http.StatusTooManyRequests, problem: banner.TooMany, retryAfter: "60"}
		countRecord(recordLimited)
		h.notices.once(noticeLimit, kind.String(), func(logger *zap.Logger) {
			logger.Warn("more choices come from one network than are recorded; if visitors come through a proxy, Caddy has to know it as a trusted one",
				zap.String("choice", kind.String()), zap.Int("per_minute", h.ledger.limit))
		})
	} else if receipt, err := h.record(r.Context(), x, before, form); err != nil {
		countRecord(recordFailed)
		lastLedgerFailure.Store(&ledgerFailure{time.Now().UTC(), err.Error()})
		h.logger.Debug("a choice could not be recorded", zap.Error(err))
	} else {
		countRecord(recordWritten)
		return receipt, nil
	}
	if grants {
		metrics.withheldGrants.Inc()
		return nil, problem
	}
	metrics.unrecordedRefusals.Inc()
	return nil, nil
}

// record writes the record of a choice and returns when it is on disk.
func (h *Handler) record(ctx context.Context, x *exchange, before *consent.Decision, form url.Values) (*banner.Receipt, error) {
	shown, err := h.shown.of(h, h.banner.Language(form.Get("language"), x.language), x.gpc)
	if err != nil {
		return nil, err
	}
	record, err := ledger.NewRecord(time.Now())
	if err != nil {
		return nil, err
	}
	pref := x.decision.Preference()
	record.Site = x.site
	record.Policy = h.policy.Fingerprint()
	record.Source = "banner"
	if pref.Method == consent.Placeholder {
		record.Source = sourcePlaceholder
	} else if fromPreferences(form) {
		record.Source = sourcePreferences
	} else if form.Get("source") == sourceScript {
		record.Source = sourceScript
	}
	record.Method = h.method(before, x.decision)
	record.Language = shown.language
	record.GPC = pref.GPC
	record.Days = int(time.Duration(h.MaxAge)/(24*time.Hour)) - (consent.Today(record.Time) - pref.Day)
	record.Version = moduleVersion()
	record.Categories, record.Services = h.states(before, x.decision)

	submission, err := ledger.Submit(record, shown.Shown)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	position, err := h.ledger.append(ctx, submission)
	if err != nil {
		return nil, err
	}
	h.ledger.announce(record)
	exported := ledger.Export(record, position.Chain, position.Sequence, position.Hash,
		ledger.Controller{Name: h.Controller, Contact: h.Contact, PrivacyPolicy: h.PrivacyPolicy})
	document, err := json.MarshalIndent(exported, "", "  ")
	if err != nil {
		return nil, err
	}
	return &banner.Receipt{ID: record.ID, Time: record.Time, JSON: document}, nil
}

// The values of the form's field "source" that other pages than those of the
// application send.
const (
	sourcePreferences = "preferences"
	sourcePlaceholder = "placeholder"
	sourceScript      = "script"
)

func fromPreferences(form url.Values) bool { return form.Get("source") == sourcePreferences }

// grants reports whether a decision grants anything that needs consent.
func (h *Handler) grants(d *consent.Decision) bool {
	for _, category := range h.policy.Categories() {
		if !h.policy.NeedsConsent(category.Name) {
			continue
		}
		if d.Category(category.Name) == consent.Granted {
			return true
		}
		for _, service := range h.policy.Services(category.Name) {
			if service.Exempt == "" && d.Service(service.ID) == consent.Granted {
				return true
			}
		}
	}
	return false
}

// method returns how a choice was made, as records have it: one by which a visitor takes
// back all that was granted before is a withdrawal.
func (h *Handler) method(before, after *consent.Decision) string {
	if before.Preference() != nil && h.grants(before) && !h.grants(after) {
		return ledger.Withdraw
	}
	return string(after.Preference().Method)
}

// countChoice counts the choice that the exchange's decision holds.
func (x *exchange) countChoice(before *consent.Decision, language string) {
	method := x.handler.method(before, x.decision)
	metrics.choices.WithLabelValues(method).Inc()
	x.visit.Choice(method, language)
}

// states returns what a visitor said about everything that can be chosen, now or, where
// only a placeholder was answered, earlier.
func (h *Handler) states(before, after *consent.Decision) (categories, services map[string]ledger.State) {
	said := func(was, is consent.State) ledger.State {
		switch {
		case is == consent.Granted:
			return ledger.Given
		case before.Preference() != nil && was == consent.Granted:
			return ledger.Withdrawn
		default:
			return ledger.Refused
		}
	}
	categories, services = map[string]ledger.State{}, map[string]ledger.State{}
	for _, category := range h.policy.Categories() {
		if category.Name == consent.Necessary {
			continue
		}
		if is := after.Category(category.Name); is != consent.NotAsked {
			categories[category.Name] = said(before.Category(category.Name), is)
		}
		for _, service := range h.policy.Services(category.Name) {
			if is := after.Service(service.ID); is != consent.NotAsked {
				services[service.ID] = said(before.Service(service.ID), is)
			}
		}
	}
	return categories, services
}

// onlyRefusals returns what remains of a choice that could not be proved: what it
// refuses is refused, and of what it grants only what was in force before. It
// returns nil if the choice refuses nothing that is in force, so that nothing
// needs to change.
func (h *Handler) onlyRefusals(before *consent.Decision, pref *consent.Preference) *consent.Preference {
	after := h.policy.Decide(pref, pref.GPC)
	if !h.takesAway(before, after) {
		return nil
	}
	was := before.Preference()
	if was == nil || was.Method == consent.Placeholder { // what is exempt was on
		was = &consent.Preference{Day: pref.Day, Method: pref.Method, GPC: pref.GPC, Categories: map[string]consent.State{}, Services: map[string]consent.State{}}
		for _, category := range h.policy.Categories() {
			if category.Name == consent.Necessary {
				continue
			}
			was.Categories[category.Name] = inForce(before.Category(category.Name))
			for _, service := range h.policy.Services(category.Name) {
				if state := inForce(before.Service(service.ID)); state != was.Categories[category.Name] {
					was.Services[service.ID] = state
				}
			}
		}
	}
	return consent.Strictest(was, pref)
}

// inForce returns a state as a choice that leaves it as it is: what was not asked
// for is refused.
func inForce(state consent.State) consent.State {
	if state == consent.Granted {
		return consent.Granted
	}
	return consent.Refused
}

// takesAway reports whether anything that was granted is so no longer.
func (h *Handler) takesAway(before, after *consent.Decision) bool {
	lost := func(was, is consent.State) bool { return was == consent.Granted && is != consent.Granted }
	for _, category := range h.policy.Categories() {
		if lost(before.Category(category.Name), after.Category(category.Name)) {
			return true
		}
		if slices.ContainsFunc(h.policy.Services(category.Name), func(s *consent.Service) bool {
			return lost(before.Service(s.ID), after.Service(s.ID))
		}) {
			return true
		}
	}
	return false
}

// shownCache holds what visitors are shown, rendered when a first one chooses.
type shownCache struct {
	mu     sync.Mutex
	pieces map[shownKey]*shownPiece
}

type shownKey struct {
	language string
	gpc      bool
}

type shownPiece struct {
	*ledger.Shown
	language string
}

// of returns what a visitor of the given language saw.
func (c *shownCache) of(h *Handler, language string, gpc bool) (*shownPiece, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := shownKey{language, gpc}
	if piece, ok := c.pieces[key]; ok {
		return piece, nil
	}
	unasked := h.policy.Decide(nil, gpc)
	page, err := h.banner.Page(language, banner.Page{Decision: unasked, GPC: gpc})
	if err != nil {
		return nil, err
	}
	declaration, err := json.Marshal(h.banner.Declaration(language))
	if err != nil {
		return nil, err
	}
	place := banner.Place{Language: language, ReturnTo: "/"}
	shown, err := ledger.NewShown(ledger.ShownDocument{
		Policy:       h.policy.Fingerprint(),
		Language:     language,
		GPC:          gpc,
		Version:      moduleVersion(),
		Declaration:  declaration,
		Banner:       string(h.banner.AppendEnd(h.banner.AppendBodyStart(nil, place, unasked), place, unasked)),
		Page:         string(page),
		Placeholders: h.placeholders(language),
		Styles:       h.banner.Stylesheets(),
	})
	if err != nil {
		return nil, err
	}
	if c.pieces == nil {
		c.pieces = map[shownKey]*shownPiece{}
	}
	c.pieces[key] = &shownPiece{shown, language}
	return c.pieces[key], nil
}

// placeholders returns what stands in place of blocked content: of all services of a
// category at once, under the category's name and "/services", and of what belongs to
// none of them, under the name alone.
func (h *Handler) placeholders(language string) map[string]string {
	all := map[string]string{}
	for _, category := range h.policy.Categories() {
		view := banner.Placeholder{Category: category.Name, Host: "{host}", ReturnTo: "/"}
		if page, ok := h.banner.PlaceholderPage(language, view); ok {
			all[category.Name] = string(page)
		}
		for _, service := range h.policy.Services(category.Name) {
			view.Services = append(view.Services, service.ID)
		}
		if page, ok := h.banner.PlaceholderPage(language, view); ok && len(view.Services) > 0 {
			all[category.Name+"/services"] = string(page)
		}
	}
	return all
}
