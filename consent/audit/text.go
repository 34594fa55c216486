package audit

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes a report for people.
func (r *Report) WriteText(out io.Writer) error {
	w := bufio.NewWriter(out)
	for _, site := range r.Sites {
		if err := site.writeText(w); err != nil {
			return err
		}
	}
	fmt.Fprintln(w, "What this audit can't see:")
	for _, limit := range r.Limits {
		fmt.Fprintln(w, wrapped("  * ", limit))
	}
	return w.Flush()
}

func (s *Site) writeText(w *bufio.Writer) error {
	fmt.Fprintf(w, "%s\n%s\n\n", printable(s.Address), strings.Repeat("=", len([]rune(printable(s.Address)))))
	fmt.Fprintln(w, wrapped("", s.Uses()))
	for _, remark := range s.Remarks {
		fmt.Fprintln(w, wrapped("", remark))
	}
	if s.Incomplete != "" {
		fmt.Fprintln(w, wrapped("", "NOT COMPLETE: "+s.Incomplete))
	}
	fmt.Fprintf(w, "\n%s\n\n", s.Verdict())
	for i, group := range s.Groups() {
		fmt.Fprintf(w, "%d. %s [%s]\n", i+1, group.Title, group.ID)
		for _, f := range group.Findings {
			fmt.Fprintln(w, wrapped("   * ", f.Says))
			for _, page := range f.Pages {
				fmt.Fprintln(w, "     at "+page)
			}
			if n := f.Further(); n > 0 {
				fmt.Fprintf(w, "     and in %s\n", counted(n, "further place", "further places"))
			}
		}
		fmt.Fprintf(w, "%s\n\n", wrapped("   ", group.Requires))
	}
	for _, round := range s.Rounds {
		if err := round.writeText(w); err != nil {
			return err
		}
	}
	return nil
}

// Uses says whether the site uses the module.
func (s *Site) Uses() string {
	if s.Module == nil {
		return "The site does not use cookie_consent. Only the catalog says what cookies and hosts are for."
	}
	return fmt.Sprintf("The site uses cookie_consent and declares %s. Policy %s.", counted(s.Module.Declared, "cookie or service", "cookies and services"), s.Module.Fingerprint)
}

// Verdict says in a few words what was found.
func (s *Site) Verdict() string {
	if len(s.Findings) == 0 {
		return "Nothing was found."
	}
	return counted(len(s.Findings), "thing does not meet a requirement.", "things do not meet a requirement.")
}

// Further returns in how many places more than its Pages it was found.
func (f *Finding) Further() int {
	if len(f.Pages) == 0 {
		return 0
	}
	return f.Count - len(f.Pages)
}

func (r *Round) writeText(w *bufio.Writer) error {
	fmt.Fprintf(w, "%s: %s, %s\n", strings.ToUpper(r.Name.Words()[:1])+r.Name.Words()[1:],
		counted(len(r.Pages), "page", "pages"), counted(r.Requests, "request", "requests"))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.Cookies) > 0 {
		fmt.Fprintln(table, "  cookie\tmay be there\tcategory\tby\tlifetime\tattributes\tset by")
	}
	for _, c := range r.Cookies {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", cmp.Or(c.Name, "(no name)"), yes(c.Allowed), printable(c.Category), printable(c.By), c.Lifetime, c.Attributes(), c.SetBy)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(r.Hosts) > 0 {
		fmt.Fprintln(table, "  contacted\tmay be\tcategory\tby\twhere\ton")
	}
	for _, h := range r.Hosts {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\n", h.Host, yes(h.Allowed), printable(h.Category), printable(h.By), h.Where, h.On)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(r.Expired) > 0 {
		fmt.Fprintln(w, "  deleted: "+strings.Join(r.Expired, ", "))
	}
	if len(r.Kept) > 0 {
		fmt.Fprintln(w, "  need consent and are there in the end: "+strings.Join(r.Kept, ", "))
	}
	for _, p := range r.Pages {
		fmt.Fprintln(w, "  "+p.Line())
	}
	fmt.Fprintln(w)
	return nil
}

// Line says in a line what became of a page.
func (p *Page) Line() string {
	line := strings.Join(append([]string{p.Address}, p.Redirects...), " -> ")
	if p.Status > 0 {
		line += fmt.Sprintf(" %d", p.Status)
	}
	if p.NotTaken != "" {
		line += " -> " + p.NotTaken + " (not followed)"
	} else if p.Status > 0 && !p.HTML {
		line += ", no page"
	}
	if p.Problem != "" {
		line += ", " + p.Problem
	}
	return line
}

// Attributes returns the attributes of the cookie as in Set-Cookie, but for its lifetime.
func (c *Cookie) Attributes() string {
	words := []string{"Path=" + c.Path}
	if !c.HostOnly {
		words = append(words, "Domain="+c.Domain)
	}
	for _, a := range []struct {
		on   bool
		word string
	}{{c.Secure, "Secure"}, {c.HTTPOnly, "HttpOnly"}, {c.SameSite != "", "SameSite=" + c.SameSite}, {c.Partitioned, "Partitioned"}} {
		if a.on {
			words = append(words, a.word)
		}
	}
	return strings.Join(words, "; ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// wrapped breaks a text into lines of at most 88 characters behind a mark for the first
// line, with as many blanks before the others.
func wrapped(mark, text string) string {
	const width = 88
	var b strings.Builder
	line := mark
	for word := range strings.FieldsSeq(text) {
		if len([]rune(line))+len([]rune(word)) > width && strings.TrimSpace(line) != strings.TrimSpace(mark) {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", len(mark))
		}
		line += word + " "
	}
	return b.String() + strings.TrimRight(line, " ")
}
