package browser

import "testing"

// Autoconsent returns a script that refuses as the extension of that name does, of which
// it has the heuristics alone: not a single rule for a consent tool that it knows.
func Autoconsent(t testing.TB) string {
	t.Helper()
	return `window.autoconsentSendMessage = message => {
		if (message.type === "init") setTimeout(() => autoconsentReceiveMessage({
			type: "initResp", rules: { autoconsent: [] },
			config: {
				enabled: true, autoAction: "optOut", disabledCmps: [], enablePrehide: false, enableCosmeticRules: false, enableGeneratedRules: false,
				detectRetries: 20, isMainWorld: false, prehideTimeout: 2000, enableHeuristicDetection: true, heuristicMode: "reject", heuristicPopupSearchTimeout: 5000,
				logs: {},
			},
		}));
		if (message.type === "eval") setTimeout(() => autoconsentReceiveMessage({ type: "evalResp", id: message.id, result: false }));
		return Promise.resolve();
	};` + NPM(t, "@duckduckgo/autoconsent/dist/autoconsent.playwright.js")
}
