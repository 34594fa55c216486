// Google Consent Mode: its commands stand in the data layer before any script of the
// page can write there.

const consentCommand = command => {
	const granted = {}
	for (const type of Object.keys(rules.google)) {
		granted[type] = rules.google[type].every(unit => states[unit] === '2') ? 'granted' : 'denied'
	}
	try {
		window.gtag('consent', command, granted)
	} catch (e) {
		// It is the page's own, and fails.
	}
}

if (rules.google) {
	window.dataLayer = window.dataLayer || []
	window.gtag = window.gtag || function gtag() {
		window.dataLayer.push(arguments)
	}
	consentCommand('default')
	changes.push(() => consentCommand('update'))
}
