package audit

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed report.html
var reportHTML string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"sentence": func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
	"join":     func(words []string) string { return strings.Join(words, ", ") },
	"moment":   func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	"counted":  counted,
}).Parse(reportHTML))

// WriteHTML writes a report as one page without scripts that needs nothing else.
func (r *Report) WriteHTML(out io.Writer) error { return reportTemplate.Execute(out, r) }
