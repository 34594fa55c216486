// Scripts that follow links by themselves (Turbo, pjax, htmx) put another body, or other
// content of it, in the place of what there was. The banner, or the link to the
// settings, then comes back, unless the new one brings its own.

let pieces = []
const piece = id => document.getElementById(id)
const collect = () => {
	pieces = ['cookie-consent', 'cookie-consent-corner', 'cookie-consent-form'].map(piece).filter(Boolean)
	const corner = piece('cookie-consent-corner')
	if (corner && openersOfPage()) {
		corner.style.setProperty('display', 'none', 'important') // the page has its own
	}
	place()
}

let body
const watch = new MutationObserver(records => {
	const isNew = document.body !== body
	observeBody()
	if (!body || body.localName !== 'body') {
		return
	}
	// Whoever removes them alone, such as an extension, means it.
	const lost = isNew || records.some(({ removedNodes }) => [...removedNodes].some(({ nodeType, id }) => nodeType === 1 && !/^cookie-consent/.test(id)))
	const [shown] = pieces
	if (lost && shown && !piece('cookie-consent') && !piece('cookie-consent-corner')) {
		insert(shown)
	}
	const form = pieces[pieces.length - 1]
	if (lost && form && !piece(form.id)) {
		body.append(form)
	}
	if (asked) {
		settle() // what was kept of an earlier page has the banner
	}
	collect()
})
const observeBody = () => {
	({ body } = document)
	watch.disconnect()
	watch.observe(document.documentElement, { childList: true })
	if (body) {
		watch.observe(body, { childList: true })
	}
}

if (isPage) {
	document.addEventListener('DOMContentLoaded', () => {
		collect()
		observeBody()
	})
}
