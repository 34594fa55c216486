package cookieconsent

import (
	"encoding/json"
	"net/http"
	"strings"
)

// A service worker that answers every navigation with the shell of its application would
// answer with that for the preferences page too, and take a form that is sent there. So
// its script gets a line by which it leaves alone addresses below the prefix, and what
// the module's own script asks for in the place of a page that the worker keeps. What no
// worker answers, the browser sends as if there were none (Service Workers, "Handle
// Fetch").

// isServiceWorker reports whether a browser asks for the script of a service worker
// (Service Workers, "Update").
func isServiceWorker(r *http.Request) bool { return r.Header.Get("Service-Worker") == "script" }

// adaptsWorker reports whether the script of a worker is not the application's alone: by
// its policy, or by the line.
func (x *exchange) adaptsWorker() bool { return x.worker && x.policyHeader() != "" || x.service }

// workerLine returns the line for a prefix. It goes behind the script, because that may
// begin with a directive.
func workerLine(prefix string) []byte {
	path, _ := json.Marshal(prefix) // as a string of JavaScript
	return []byte("\n;(({prototype:p},{respondWith:r}=p)=>{p.respondWith=function(a){let{url:u,headers:h}=this.request;" +
		"u.startsWith(location.origin+" + string(path) + `)||h.has("` + pageMark + `")?Promise.resolve(a).catch(()=>{}):r.call(this,a)}})(FetchEvent)` + "\n")
}

// takesWorkerLine reports whether the response is a script that gets the line. Its header
// no longer speaks of the bytes of the application then.
func (w *responseWriter) takesWorkerLine() bool {
	header := w.Header()
	codings, ok := contentCodings(header["Content-Encoding"])
	if !w.x.service || w.method != http.MethodGet || w.status != http.StatusOK || !ok || len(codings) > 0 || !strings.Contains(w.essence, "script") {
		return false
	}
	removeDigests(header)
	delete(header, "Etag")
	return true
}
