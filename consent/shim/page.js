// A page of its own, not a frame: what becomes of it when the choice changes, in
// another tab, before the visitor came back to it, or on the page itself.

const isPage = window === window.top
const posted = words.includes('post')
let asked = words.includes('asked')
const { fetch } = window

// The header by which the script asks for a page as visitors get it.
const pageMark = 'Cookie-Consent-Page'
const scriptName = src.replace(/.*\//, '')

// Has the visitor typed something that a reload would lose?
let typed = false

// Has a policy kept it from contacting somebody?
let stopped = false

const isGained = (next, unit) => next[unit] === '2' && states[unit] !== '2'
const isLost = (next, unit) => next[unit] !== '2' && states[unit] === '2'
const some = (next, is) => [...next].some((_, unit) => is(next, unit))
const holdsGrants = () => [...states].some((digit, unit) => digit === '2' && categoryOf(unit))

// misses reports whether the page is without something that it would have had in the
// next state, as far as can be told: when in doubt it is.
const misses = next => some(next, isGained) && (
	stopped || words.includes('withheld') || window.length > 0 ||
	some(next, (_, unit) => isGained(next, unit) && (withheld.has(unit) || (rules.paths || []).includes(unit))) ||
	document.evaluate('boolean(//@*[starts-with(name(),"data-cookie-consent-")][name()!="data-cookie-consent-open"])', document, null, XPathResult.BOOLEAN_TYPE, null).booleanValue
)

// holds reports whether the browser has cookies that are not granted: once they are
// refused, it takes a page to delete all of them.
const holds = () => {
	void document.cookie // to look at them
	return hiding || words.includes('holds')
}

// insert puts a piece where it stands in a page.
const insert = piece => document.body[piece.className ? 'append' : 'prepend'](piece)

// settle puts the link to the settings in the place of the banner. The focus goes to what
// the page has in its stead. Screen readers are told of a choice that was made here, if the
// promise of its being kept comes true.
const settle = kept => {
	const banner = document.getElementById('cookie-consent')
	const template = banner && banner.querySelector('template')
	if (!template) {
		return
	}
	const [corner, status] = template.content.children
	template.remove()
	const focused = banner.contains(document.activeElement)
	insert(corner)
	if (focused) {
		(openersOfPage() || corner.querySelector('a')).focus({ preventScroll: true })
	}
	if (kept && status) {
		// What comes into a region is told, but not what is in it from the beginning.
		const words = status.firstChild
		words.remove()
		insert(status)
		kept.then(is => is && setTimeout(() => status.append(words), 200))
	}
	// The style sheet of the banner stays until the link has its own.
	banner.style.setProperty('display', 'none', 'important')
	collect()
	const link = corner.querySelector('link')
	if (!link) {
		banner.remove()
		return
	}
	for (const event of ['load', 'error']) {
		link.addEventListener(event, () => banner.remove())
	}
}

// seal keeps a page that is about to be left, or has to stay, from contacting others
// than its next state lets it.
const seal = policy => {
	const meta = document.createElement('meta')
	meta.httpEquiv = 'Content-Security-Policy'
	meta.content = policy
	const head = document.head || document.documentElement
	head.append(meta)
}

// A service worker may answer with pages of an earlier choice.
const isControlled = () => {
	try {
		return !!navigator.serviceWorker.controller
	} catch (e) {
		return false // there are none, or the page must not know
	}
}

// forget replaces the pages that depend on a choice among what a service worker may have
// kept. Nothing is missing at any time, because the worker may have nothing else to show.
// Where the worker answers itself, what it keeps is removed: then it asks.
const ignoreVary = { ignoreVary: true }
const fetchAnew = (cache, request) =>
	apply(fetch, window, [request.url, { cache: 'reload', headers: { [pageMark]: '?1' } }]).then(response =>
		!response.headers.has(pageMark) ? cache.delete(request, ignoreVary) : response.ok && cache.put(request, response)
	)
const forget = () => caches.keys().then(names => Promise.all(names.map(name => caches.open(name).then(cache =>
	cache.keys().then(requests => Promise.all(requests.map(request => cache.match(request, ignoreVary).then(found =>
		found && /sec-gpc/i.test(found.headers.get('vary')) && fetchAnew(cache, request).catch(() => {})
	))))
))))

const reload = () => location.reload()
const renew = () => isControlled() ? forget().then(reload, reload) : reload()

// isReloaded reports whether this very page was loaded anew: when nothing changed by
// that, it is not tried again.
const isReloaded = () => {
	const [{ type } = {}] = performance.getEntriesByType('navigation')
	return type !== 'navigate' && type !== 'back_forward'
}

// adopt makes a choice count that was made elsewhere. What was taken back ends with
// the page it runs in; what was gained waits for the next page if this one has no use
// for it or holds what the visitor typed. One without the banner gives way to one that
// asks again. A page that answers a form is never asked for again: nobody knows what that
// would do, and it is guarded as it is.
let heard = false
const adopt = next => {
	const stays = posted || !heard && isControlled() && isReloaded()
	heard = true
	if (!/^[0-2]+$/.test(next.states)) {
		throw next // it comes from somebody else
	}
	// Of another policy this script knows nothing: it is as if nobody had been asked.
	const to = next.script !== scriptName ? states.replace(/./g, (digit, unit) => categoryOf(unit) ? '1' : digit) : next.states
	if (to === states && next.asked === asked) {
		return
	}
	const loses = some(to, isLost)
	const leaves = !stays && (loses || !typed && (asked > next.asked || misses(to)))
	states = to
	asked = next.asked
	for (const change of changes) {
		change()
	}
	if (loses && next.policy) {
		seal(next.policy)
	}
	if (leaves) {
		renew()
		return
	}
	if (asked) {
		settle()
	}
	announce()
}

// look asks for what holds now, and once more if there was reason to in the meantime. It
// returns a promise of whether there was an answer.
let looking, again = false
const look = () => {
	if (looking) {
		again = true
		return looking
	}
	again = false
	looking = apply(fetch, window, [endpoint('state.json?') + Date.now(), { cache: 'no-store' }])
		.then(response => response.json())
		.then(adopt)
		.then(() => true, () => false)
		.then(known => {
			looking = undefined
			return again ? look() : known
		})
	return looking
}

// lookAtOnce asks before anything else of the page can run: its timers go on where they
// stopped. A page that may not ask in that way, or gets no answer, looks as others do.
const lookAtOnce = () => {
	try {
		const request = new XMLHttpRequest()
		request.open('GET', endpoint('state.json?') + Date.now(), false)
		request.send()
		adopt(JSON.parse(request.responseText))
	} catch (e) {
		look()
	}
}

// What is granted may have been taken back.
const lookAgain = () => holdsGrants() ? lookAtOnce() : look()

// Every page tells the others its state, and looks when another has a different one. A
// page that is not shown does not listen, or it could not be kept for Back and Forward.
const summary = () => states + asked
let channel
const announce = () => channel && channel.postMessage(summary())
const join = () => {
	if (window.BroadcastChannel) {
		channel = new BroadcastChannel('cookie-consent')
		channel.onmessage = ({ data }) => {
			if (data !== summary()) {
				look()
			}
		}
		announce()
	}
}

// choose sends the choice without leaving the page if the page stays as it is. The one that
// is on its way is not sent twice; another one is what the visitor means.
let sent
const choose = event => {
	const form = event.target, button = event.submitter
	if (form.id !== 'cookie-consent-form' || !button || !document.querySelector('#cookie-consent template')) {
		return
	}
	const data = new FormData(form)
	data.append(button.name, button.value)
	const grants = button.value === 'accept_all' || button.value === 'save' && (data.has('category') || data.has('service'))
	const next = states.replace(/./g, (digit, unit) => categoryOf(unit) ? grants ? '2' : '0' : digit)
	const body = new URLSearchParams(data), choice = `${body}`
	if (choice !== sent && (sent || button.value !== 'accept_all' && holdsGrants() || holds() || misses(next))) {
		sent = undefined
		return
	}
	event.preventDefault()
	event.stopImmediatePropagation()
	if (choice === sent) {
		return
	}
	sent = choice
	apply(fetch, window, [form.getAttribute('action'), { method: 'POST', body, redirect: 'manual' }])
		.then(({ type }) => type === 'opaqueredirect', () => false)
		.then(taken => {
			if (choice !== sent) {
				return
			}
			if (taken) {
				// A browser without cookies forgets it at once, for which there are words elsewhere.
				settle(look().then(known => {
					if (grants && known && !asked) {
						openSettings()
					}
					return asked || !known
				}))
				return
			}
			// The way it goes without scripts, from which the visitor may come back.
			sent = undefined
			const field = document.createElement('input')
			field.type = 'hidden'
			field.name = button.name
			field.value = button.value
			form.append(field)
			apply(HTMLFormElement.prototype.submit, form, [])
			field.remove()
		})
}

// A browser may have fetched it before the choice that counts now.
const isPrefetched = () => {
	const [{ deliveryType } = {}] = performance.getEntriesByType('navigation')
	return deliveryType === 'navigational-prefetch'
}

mark()
if (asked) {
	happened.consent = true
}

if (isPage) {
	join()
	if (document.prerendering) {
		document.addEventListener('prerenderingchange', lookAgain)
	}
	// A worker may have kept it, and what another site sends comes without the choice.
	if (isControlled() || isPrefetched() || posted && !asked) {
		(words.includes('saved') ? forget : lookAgain)()
	}
	addEventListener('pagehide', () => channel && channel.close())
	addEventListener('pageshow', ({ persisted }) => {
		if (persisted) {
			join()
			lookAgain()
		}
	})
	addEventListener('submit', choose, true)
	for (const event of ['input', 'change']) {
		addEventListener(event, ({ isTrusted, target }) => {
			typed = typed || isTrusted && !(target.closest && target.closest('#cookie-consent'))
		}, true)
	}
	addEventListener('securitypolicyviolation', ({ disposition, blockedURI }) => {
		if (disposition !== 'enforce') {
			return
		}
		stopped = stopped || blockedURI.includes(':')
		if (blockedURI.startsWith(endpoint('state.json')) && holdsGrants() && !posted && !isReloaded()) {
			reload() // something may have been taken back
		}
	}, true)
}
