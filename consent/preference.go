package consent

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// MaxExceptions is the largest number of services that a preference can set
// apart from their categories.
const MaxExceptions = 16

// Method is how a visitor chose.
type Method string

// The ways to choose.
const (
	AcceptAll Method = "accept_all" // everything that can be granted
	RejectAll Method = "reject_all" // nothing but what is necessary
	Save      Method = "save"       // category by category, service by service

	// Placeholder agrees to what is needed for one piece of a page, on what stands
	// in its place, and leaves everything else as it was.
	Placeholder Method = "placeholder"
)

// Preference is what one visitor chose. It identifies nobody: all visitors who
// choose the same on the same day have the same one.
type Preference struct {
	// Day is when the choice was made, in days since 1970-01-01 UTC.
	Day int

	// Method is how it was made.
	Method Method

	// GPC tells whether the browser sent Global Privacy Control with the choice.
	GPC bool

	// Categories holds [Granted] or [Refused] for every category but necessary;
	// after [Placeholder] only for those that were chosen.
	Categories map[string]State

	// Services holds the exceptions: services whose state is not that of
	// their category, at most [MaxExceptions].
	Services map[string]State

	// NotKept lists the ids of services, and the names of categories, that
	// the visitor granted and that are refused all the same, because the
	// exceptions were too many. Only [Policy.Choose] fills it; it is not
	// part of what the cookie keeps.
	NotKept []string
}

// Choice is what a form submitted.
type Choice struct {
	Method Method

	// Categories are, with [Save], the names of the granted ones; all others
	// are refused. With [Placeholder] they are what is agreed to besides.
	Categories []string

	// Services are, with [Save], the exceptions: an id grants that service
	// whatever holds for its category, an id after "-" refuses it. An empty
	// entry says nothing, and what is both granted and refused is refused. With
	// [Placeholder] they are the ids of what is agreed to besides.
	Services []string

	// Before is, with [Placeholder], the decision that holds so far.
	Before *Decision
}

// Choose turns what a form submitted into a preference. An unknown method and,
// with [Save] or [Placeholder], an unknown category or service are errors; what is
// necessary cannot be chosen and is passed over. Exempt categories are chosen like others:
// to reject all is to opt out of them too.
//
// Refusals are always kept: where they alone exceed [MaxExceptions], a whole
// category is refused, with its granted services as the exceptions.
func (p *Policy) Choose(c Choice, now time.Time, gpc bool) (*Preference, error) {
	pref := &Preference{
		Day:        Today(now),
		Method:     c.Method,
		GPC:        gpc,
		Categories: make(map[string]State, len(p.categories)-1),
	}
	everything := func(state State) {
		for _, category := range p.categories[1:] {
			pref.Categories[category.Name] = state
		}
	}
	chosen := map[string]State{}
	switch c.Method {
	case AcceptAll:
		everything(Granted)
		return pref, nil
	case RejectAll:
		everything(Refused)
		return pref, nil
	case Save:
		everything(Refused)
	case Placeholder:
		p.carryOver(pref, chosen, c.Before)
	default:
		return nil, fmt.Errorf("reading the choice: method %q is none of %s, %s, %s, %s", c.Method, AcceptAll, RejectAll, Save, Placeholder)
	}

	agrees := false
	for _, name := range c.Categories {
		if _, ok := p.categoryIndex[name]; !ok {
			return nil, fmt.Errorf("reading the choice: %q is not a category", name)
		}
		if name != Necessary {
			pref.Categories[name] = Granted
			agrees = true
		}
	}
	for _, entry := range c.Services {
		if entry == "" {
			continue
		}
		id, refused := strings.CutPrefix(entry, "-")
		service, ok := p.Service(id)
		if !ok || refused && c.Method == Placeholder {
			return nil, fmt.Errorf("reading the choice: %q is not a service", id)
		}
		if refused {
			chosen[id] = Refused
		} else if _, ok := chosen[id]; !ok || c.Method == Placeholder {
			chosen[id] = Granted
		}
		if service.Category == Necessary {
			delete(chosen, id)
		} else {
			agrees = agrees || !refused
		}
	}
	if c.Method == Placeholder && !agrees {
		return nil, errors.New("reading the choice: it agrees to nothing")
	}
	p.setExceptions(pref, chosen, c.Before)
	return pref, nil
}

// carryOver begins a choice that leaves everything as it is: it takes over what the
// visitor, or the signal of the browser, said so far. What nobody said anything about
// is still to be asked.
func (p *Policy) carryOver(pref *Preference, services map[string]State, before *Decision) {
	said := before.Preference()
	if said == nil {
		said = &Preference{Day: pref.Day}
	}
	pref.Day = said.Day // what was agreed to earlier must not last longer for it
	for i, c := range p.categories[1:] {
		if _, ok := said.Categories[c.Name]; ok || before.categories[i+1] == Refused {
			pref.Categories[c.Name] = before.categories[i+1]
		}
	}
	for id := range said.Services {
		if state := before.Service(id); state != NotAsked {
			services[id] = state
		}
	}
}

// setExceptions keeps those of the chosen services that differ from their
// categories, as far as they fit: with a placeholder, those that held before go first.
func (p *Policy) setExceptions(pref *Preference, chosen map[string]State, before *Decision) {
	for {
		grants, refusals := p.exceptions(pref, chosen)
		if pref.Method == Placeholder {
			slices.SortStableFunc(grants, func(a, b string) int { return int(before.Service(b)) - int(before.Service(a)) })
		}
		if len(refusals) > MaxExceptions {
			category := p.mostRefused(refusals)
			for _, s := range p.Services(category) {
				if _, ok := chosen[s.ID]; !ok {
					chosen[s.ID] = Granted
				}
			}
			pref.Categories[category] = Refused
			pref.NotKept = append(pref.NotKept, category)
			continue
		}
		fit := min(len(grants), MaxExceptions-len(refusals))
		pref.NotKept = append(pref.NotKept, grants[fit:]...)
		if fit+len(refusals) == 0 {
			return
		}
		pref.Services = make(map[string]State, fit+len(refusals))
		for _, id := range grants[:fit] {
			pref.Services[id] = Granted
		}
		for _, id := range refusals {
			pref.Services[id] = Refused
		}
		return
	}
}

// exceptions returns the ids of the chosen services whose state is not that of
// their category, sorted.
func (p *Policy) exceptions(pref *Preference, chosen map[string]State) (grants, refusals []string) {
	for _, id := range slices.Sorted(maps.Keys(chosen)) {
		service, _ := p.Service(id)
		if state := chosen[id]; state == pref.Categories[service.Category] {
			continue
		} else if state == Granted {
			grants = append(grants, id)
		} else {
			refusals = append(refusals, id)
		}
	}
	return grants, refusals
}

// mostRefused returns the category with the most refused services, the
// strictest of several.
func (p *Policy) mostRefused(refusals []string) string {
	var count [MaxCategories]int
	most := 0
	for _, id := range refusals {
		count[p.serviceOf[p.serviceIndex[id]]]++
	}
	for i, n := range count {
		if n >= count[most] && n > 0 {
			most = i
		}
	}
	return p.categories[most].Name
}

// Strictest returns what holds where a browser sends several valid copies of
// the preference cookie: granted is only what every copy grants. A further copy
// never widens it. Nil copies do not count; without any other it returns nil.
func Strictest(prefs ...*Preference) *Preference {
	var strictest *Preference
	for _, pref := range prefs {
		switch {
		case pref == nil:
		case strictest == nil:
			strictest = pref.clone()
		default:
			strictest.restrict(pref)
		}
	}
	return strictest
}

// restrict takes away what another preference does not grant.
func (p *Preference) restrict(other *Preference) {
	switch {
	case p.Method == Placeholder || other.Method == Placeholder:
		p.Method = Placeholder // what one of them was not asked for is still to be asked
	case p.Method != other.Method:
		p.Method = Save
	}
	p.Day = min(p.Day, other.Day)
	p.GPC = p.GPC && other.GPC
	p.NotKept = nil
	restrictStates(&p.Categories, other.Categories)
	// An exception that only one copy makes holds only if it refuses: what the
	// other says of the service is then up to its category, which is unknown here.
	restrictStates(&p.Services, other.Services)
}

// restrictStates keeps of two sets of states the refusals of both and the grants
// that they share.
func restrictStates(states *map[string]State, others map[string]State) {
	for key, state := range *states {
		if other, ok := others[key]; state == Granted && !ok {
			delete(*states, key)
		} else if ok {
			(*states)[key] = min(state, other)
		}
	}
	for key, other := range others {
		if _, ok := (*states)[key]; ok || other == Granted {
			continue
		}
		if *states == nil {
			*states = map[string]State{}
		}
		(*states)[key] = other
	}
	if len(*states) == 0 {
		*states = nil
	}
}

// Today returns the day of a time, in days since 1970-01-01 UTC.
func Today(now time.Time) int {
	return int(now.Unix() / int64(24*time.Hour/time.Second))
}
