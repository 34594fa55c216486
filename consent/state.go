package consent

// State is what holds for a category, a service or a thing that belongs to one.
// A larger state is never stricter than a smaller one, so that the strictest of
// several is their minimum; but [Refused] is stronger than [NotAsked]: only what
// was refused is also deleted from the browser.
type State uint8

// The states of a category or service.
const (
	Refused  State = iota // the visitor, or a signal of the visitor's browser, said no
	NotAsked              // nobody said anything: withheld, but not deleted
	Granted               // the visitor said yes, or no consent is needed
)

// String returns "refused", "not_asked" or "granted".
func (s State) String() string {
	switch s {
	case Refused:
		return "refused"
	case Granted:
		return "granted"
	default:
		return "not_asked"
	}
}
