package audit

// Rule is a requirement that an audit looks after.
type Rule struct {
	// ID is what [Finding.Rule] says. It keeps its meaning.
	ID string

	// Title says in a few words what is wrong, Requires what is asked for, and by what.
	Title, Requires string
}

const (
	prior = "Before the visitor has agreed, nothing may be stored in or read from the device but what the service that was asked for needs (ePrivacy Directive, Article 5(3))."
	third = "Before the visitor has agreed, a page may not make the browser contact others who then can recognise it (ePrivacy Directive, Article 5(3); EDPB Guidelines 2/2023)."
)

// Rules are the rules in the order in which a report has them.
var Rules = []Rule{
	{"cookie-before-choice", "A cookie that needs consent is set before a choice", prior},
	{"contact-before-choice", "Others are contacted before a choice", third},
	{"cookie-after-refusal", "A cookie that needs consent is set after a refusal", "A refusal has to be followed (ePrivacy Directive, Article 5(3))."},
	{"contact-after-refusal", "Others are contacted after a refusal", "A refusal has to be followed (ePrivacy Directive, Article 5(3); EDPB Guidelines 2/2023)."},
	{"cookie-kept", "A cookie stays after consent was withdrawn", "What was set with consent has to be gone, and not be read any more, once that is withdrawn (GDPR, Article 7(3))."},
	{"cookie-after-withdrawal", "A cookie that needs consent is set after withdrawal", "Withdrawal has to be followed as a refusal is (GDPR, Article 7(3); ePrivacy Directive, Article 5(3))."},
	{"contact-after-withdrawal", "Others are contacted after withdrawal", "Withdrawal has to be followed as a refusal is (GDPR, Article 7(3); ePrivacy Directive, Article 5(3))."},
	{"no-banner", "A page does not ask", "Visitors have to be asked before anything that needs consent happens, and able to refuse (ePrivacy Directive, Article 5(3); GDPR, Article 4(11))."},
	{"reject-harder", "Refusing takes more than agreeing", "Refusing has to be as easy as agreeing, on the same layer (EDPB Cookie Banner Taskforce, 2023; GDPR, Article 4(11))."},
	{"no-settings", "A page has no way to withdraw consent", "Withdrawing has to be as easy as agreeing, at any time (GDPR, Article 7(3))."},
	{"choice-not-taken", "A choice was not taken", "Visitors have to be able to choose (GDPR, Articles 4(11) and 7(3))."},
	{"refusal-forgotten", "A refusal is not remembered as long as agreement", "A refusal is kept as agreement is, and visitors are not asked again for six months (recommendations of CNIL and Garante)."},
	{"choice-kept-long", "A choice is kept for more than 13 months", "Consent is asked for anew from time to time, after 13 months at the latest (practice of European authorities)."},
	{"long-lifetime", "A cookie is kept for more than 13 months", "Cookies that need consent are kept as long as their purpose needs, and 13 months at most (recommendation of CNIL; GDPR, Article 5(1)(e))."},
	{"longer-than-declared", "A cookie is kept for longer than visitors are told", "Visitors are told how long cookies are kept (CJEU, C-673/17, Planet49; GDPR, Article 13(2)(a))."},
	{"undeclared-cookie", "A cookie is not in the cookies policy", "Visitors are told of each cookie who sets it, what for and for how long (CJEU, C-673/17, Planet49)."},
	{"undeclared-host", "Others who are contacted are not in the cookies policy", "Visitors are told who receives what is known of them (GDPR, Article 13(1)(e); CNIL, recommendation of 2020)."},
	{"no-controller", "Visitors are not told who is responsible", "The controller is named where consent is asked for (GDPR, Articles 4(11) and 13(1)(a))."},
	{"no-privacy-policy", "The cookies policy does not lead to the privacy policy", "Visitors find there what Article 13 of the GDPR asks for."},
}

// ruleOf returns the rule with an id and its place.
func ruleOf(id string) (*Rule, int) {
	for i := range Rules {
		if Rules[i].ID == id {
			return &Rules[i], i
		}
	}
	panic("audit: internal error: no rule " + id)
}

// Group is the findings of one rule.
type Group struct {
	*Rule
	Findings []*Finding
}

// Groups returns the findings by rule, in the order of [Rules].
func (s *Site) Groups() []Group {
	var groups []Group
	for _, f := range s.Findings {
		if n := len(groups); n > 0 && groups[n-1].ID == f.Rule {
			groups[n-1].Findings = append(groups[n-1].Findings, f)
			continue
		}
		rule, _ := ruleOf(f.Rule)
		groups = append(groups, Group{rule, []*Finding{f}})
	}
	return groups
}
