package cookieconsent

import (
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/shim"
)

// parser reads the directive's blocks and remembers where in which file each
// field of the configuration stands, so that an error found later can say so.
type parser struct {
	*caddyfile.Dispenser
	positions map[string]caddyfile.Token // by field, such as cookies[2].category
}

// block reads the options of a block, which may be missing.
func (p *parser) block(what string, option func(name string) error) error {
	seen := make(map[string]bool)
	for nesting := p.Nesting(); p.NextBlock(nesting); {
		name := p.Val()
		if seen[name] && !repeatable[name] {
			return p.Errf("%s has '%s' twice", what, name)
		}
		seen[name] = true
		if err := option(name); err != nil {
			return err
		}
	}
	return nil
}

// repeatable are the options that may come several times in a block: each names
// something else, adds to a list or is in another language.
var repeatable = map[string]bool{
	"category": true, "cookie": true, "service": true, "first_party": true, "catalog": true, "signing_key": true,
	"text": true, "title": true, "description": true, "function": true, "purpose": true,
	"cookies": true, "hosts": true, "paths": true, "storage": true, "inline": true,
}

// unknownOption is the error for a word that is no option of a block.
func (p *parser) unknownOption(what, option string, allowed ...string) error {
	return p.Errf("'%s' is not an option of %s; allowed: %s", option, what, strings.Join(allowed, ", "))
}

// remember notes the current token as the place of a field.
func (p *parser) remember(field string) {
	p.positions[field] = p.Token()
}

// position returns the place of a field or, where it was not written, of the
// block that should hold it.
func (p *parser) position(field string) caddyfile.Token {
	for {
		if token, ok := p.positions[field]; ok {
			return token
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
}

// word reads exactly one argument.
func (p *parser) word(field string, to *string) error {
	option := p.Val()
	if !p.NextArg() {
		return p.Errf("'%s' needs a value", option)
	}
	if p.Val() == "" {
		return p.Errf("'%s' must not be empty", option)
	}
	p.remember(field)
	*to = p.Val()
	if p.NextArg() {
		return p.Errf("'%s' takes one value, but found '%s' as well; put quotes around a text of several words", option, p.Val())
	}
	return nil
}

// words reads one or more arguments and adds them to a list.
func (p *parser) words(field string, to *[]string) error {
	option := p.Val()
	before := len(*to)
	for p.NextArg() {
		p.remember(fmt.Sprintf("%s[%d]", field, len(*to)))
		*to = append(*to, p.Val())
	}
	if len(*to) == before {
		return p.Errf("'%s' needs at least one value", option)
	}
	return nil
}

// text reads a text with an optional language tag before it.
func (p *parser) text(field string, to *consent.Text) error {
	option := p.Val()
	args := p.RemainingArgs()
	tag := ""
	switch len(args) {
	case 1:
	case 2:
		tag = strings.ToLower(args[0])
		if !validLanguageTag(tag) {
			return p.Errf("'%s' is not a language tag such as fr or pt-br; put quotes around a text of several words", args[0])
		}
	default:
		return p.Errf("'%s' takes a text in quotes and, before it, an optional language tag", option)
	}
	text := args[len(args)-1]
	if strings.TrimSpace(text) == "" {
		return p.Errf("'%s' must not be empty", option)
	}
	if _, ok := (*to)[tag]; ok {
		return p.Errf("'%s' has two texts for the same language", option)
	}
	if *to == nil {
		*to = make(consent.Text)
	}
	(*to)[tag] = text
	p.remember(field)
	return nil
}

// ownText reads a text of the operator's own in place of one of the module's.
func (p *parser) ownText(to *map[string]consent.Text) error {
	if !p.NextArg() {
		return p.Errf("'text' takes the name of a text and, in quotes, what stands there instead")
	}
	name := p.Val()
	if *to == nil {
		*to = make(map[string]consent.Text)
		p.remember("texts")
	}
	text := (*to)[name]
	if err := p.text("texts."+name, &text); err != nil {
		return err
	}
	(*to)[name] = text
	return nil
}

// validLanguageTag reports whether s looks like a lower-case BCP 47 tag: a
// primary language of two or three letters and further short subtags.
func validLanguageTag(s string) bool {
	for i, subtag := range strings.Split(s, "-") {
		if len(subtag) == 0 || len(subtag) > 8 || i == 0 && (len(subtag) < 2 || len(subtag) > 3) {
			return false
		}
		for j := range len(subtag) {
			letter := 'a' <= subtag[j] && subtag[j] <= 'z'
			if !letter && (i == 0 || !isAlphanumeric(subtag[j])) {
				return false
			}
		}
	}
	return true
}

// googleConsentMode reads a block of types of consent, which may be missing.
func (p *parser) googleConsentMode(to *shim.GoogleConsentMode) error {
	const field = "google_consent_mode"
	if p.NextArg() {
		return p.Errf("'%s' takes no value besides a block, but found '%s'", field, p.Val())
	}
	p.remember(field)
	*to = shim.GoogleConsentMode{}
	return p.block(field, func(kind string) error {
		if _, ok := shim.DefaultGoogleConsentMode[kind]; !ok {
			return p.unknownOption(field, kind, shim.GoogleConsentTypes()...)
		}
		var categories []string
		err := p.words(field+"."+kind, &categories)
		(*to)[kind] = categories
		return err
	})
}

func (p *parser) category(to *[]consent.Category) error {
	field := fmt.Sprintf("categories[%d].", len(*to))
	p.remember(strings.TrimSuffix(field, "."))
	var c consent.Category
	if err := p.word(field+"name", &c.Name); err != nil {
		return err
	}
	err := p.block("category", func(option string) error {
		switch option {
		case "title":
			return p.text(field+"title", &c.Title)
		case "description":
			return p.text(field+"description", &c.Description)
		case "exempt":
			return p.word(field+"exempt", &c.Exempt)
		default:
			return p.unknownOption("category", option, "title", "description", "exempt")
		}
	})
	*to = append(*to, c)
	return err
}

func (p *parser) cookie(to *[]consent.Cookie) error {
	field := fmt.Sprintf("cookies[%d].", len(*to))
	p.remember(strings.TrimSuffix(field, "."))
	var c consent.Cookie
	if err := p.words(field+"patterns", &c.Patterns); err != nil {
		return err
	}
	err := p.block("cookie", func(option string) error {
		switch option {
		case "category":
			return p.word(field+"category", &c.Category)
		case "provider":
			return p.word(field+"provider", &c.Provider)
		case "function":
			return p.text(field+"function", &c.Function)
		case "purpose":
			return p.text(field+"purpose", &c.Purpose)
		case "recipients":
			return p.word(field+"recipients", &c.Recipients)
		case "lifetime":
			var text string
			if err := p.word(field+"lifetime", &text); err != nil {
				return err
			}
			lifetime, err := consent.ParseLifetime(text)
			if err != nil {
				return p.WrapErr(err)
			}
			c.Lifetime = lifetime
			return nil
		default:
			return p.unknownOption("cookie", option, "category", "provider", "function", "purpose", "lifetime", "recipients")
		}
	})
	*to = append(*to, c)
	return err
}

func (p *parser) service(to *[]consent.Service) error {
	field := fmt.Sprintf("services[%d].", len(*to))
	p.remember(strings.TrimSuffix(field, "."))
	var s consent.Service
	if err := p.word(field+"id", &s.ID); err != nil {
		return err
	}
	err := p.block("service", func(option string) error {
		switch option {
		case "category":
			return p.word(field+"category", &s.Category)
		case "provider":
			return p.word(field+"provider", &s.Provider)
		case "purpose":
			return p.text(field+"purpose", &s.Purpose)
		case "exempt":
			return p.word(field+"exempt", &s.Exempt)
		case "cookies":
			return p.words(field+"cookies", &s.Cookies)
		case "hosts":
			return p.words(field+"hosts", &s.Hosts)
		case "paths":
			return p.words(field+"paths", &s.Paths)
		case "storage":
			return p.words(field+"storage", &s.Storage)
		case "inline":
			return p.words(field+"inline", &s.Inline)
		case "policy":
			return p.word(field+"policy", &s.Policy)
		default:
			return p.unknownOption("service", option, "category", "provider", "purpose", "exempt", "cookies", "hosts", "paths", "storage", "inline", "policy")
		}
	})
	*to = append(*to, s)
	return err
}
