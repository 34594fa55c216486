// What scripts of the site may use: window.cookieConsent, as cookie-consent.d.ts says.

const stateWords = ['refused', 'not_asked', 'granted']
const unitsOf = name => [...states].map((_, unit) => unit).filter(unit => rules.names[unit] === name)
const wordsOf = (from, to) => Object.fromEntries([...states].slice(from, to).map((digit, i) => [rules.names[from + i], stateWords[digit]]))

// What happened last of each kind, for who listens late.
const happened = {}

class CookieConsent extends EventTarget {
	get state() {
		return { asked, categories: wordsOf(0, categories), services: wordsOf(categories) }
	}

	has(name) {
		const units = unitsOf(name)
		return units.length > 0 && isGranted({ units })
	}

	accept() {
		return decide([['choice', 'accept_all']])
	}

	reject() {
		return decide([['choice', 'reject_all']])
	}

	save(wanted) {
		const wants = unit => {
			const parent = categoryOf(unit)
			const given = [unit, parent].map(u => wanted[rules.names[u]]).find(value => value !== undefined)
			return given === undefined ? states[unit] === '2' : !!given
		}
		for (const name of Object.keys(wanted)) {
			if (!unitsOf(name).length) {
				return Promise.reject(new RangeError(`no category or service "${name}"`))
			}
		}
		const fields = [['choice', 'save']]
		for (let unit = 1; unit < states.length; unit++) {
			const parent = categoryOf(unit)
			if (unit < categories) {
				if (wants(unit)) {
					fields.push(['category', rules.names[unit]])
				}
			} else if (parent && wants(unit) !== wants(parent)) {
				fields.push(['service', (wants(unit) ? '' : '-') + rules.names[unit]])
			}
		}
		return decide(fields)
	}

	show() {
		const banner = document.getElementById('cookie-consent')
		const choose = banner && isPage && !asked && banner.querySelector('details')
		if (choose) {
			choose.open = true
			choose.firstElementChild.focus()
		} else {
			open(endpoint('?return_to=') + encodeURIComponent(location.pathname + location.search), '_top')
		}
	}

	addEventListener(type, listener, options) {
		const { once, signal } = options instanceof Object ? options : {}
		const late = listener && !(signal && signal.aborted) && happened[type]
		if (!late || !once) {
			super.addEventListener(type, listener, options)
		}
		if (late) {
			queueMicrotask(() => apply(listener.handleEvent || listener, listener.handleEvent ? listener : this, [new CustomEvent(type, { detail: this.state })]))
		}
	}
}

const api = new CookieConsent()
Object.defineProperty(window, 'cookieConsent', { configurable: true, writable: true, value: api })

// decide sends a choice. Only the visitor can agree to something: what is more than there
// was is refused unless it follows from something that the visitor did.
const decide = fields => {
	const { userActivation } = navigator
	const grants = fields.some(([name, value]) => value === 'accept_all' || name !== 'choice' && value[0] !== '-' && !api.has(value))
	if (grants && userActivation && !userActivation.isActive) {
		return Promise.reject(new DOMException('only the visitor can agree', 'NotAllowedError'))
	}
	return apply(fetch, window, [endpoint('preferences'), {
		method: 'POST',
		body: new URLSearchParams([...fields, ['return_to', location.pathname]]),
		redirect: 'manual',
	}]).then(({ type, status }) => {
		if (type !== 'opaqueredirect' && status !== 200) { // which tells what was not kept
			throw new Error('choice not saved')
		}
		return look()
	})
}

// Style sheets see what is granted by classes of the root element.
const mark = () => {
	const { classList } = document.documentElement
	classList.toggle('cookie-consent-asked', asked)
	for (let unit = 1; unit < states.length; unit++) {
		classList.toggle('cookie-consent-has-' + rules.names[unit], states[unit] === '2')
	}
}

const tell = type => {
	happened[type] = true
	api.dispatchEvent(new CustomEvent(type, { detail: api.state }))
}

changes.push(() => {
	mark()
	queueMicrotask(() => {
		if (asked) {
			tell('consent')
		}
		tell('change')
	})
})

// Elements of the page that open the choice. The operator's may be no selector to this
// browser.
let openers = '[data-cookie-consent-open]'
try {
	document.querySelector(rules.openers)
	openers += rules.openers ? ',' + rules.openers : ''
} catch (e) {
	rules.openers = ''
}
document.addEventListener('click', event => {
	if (event.target.closest && event.target.closest(openers)) {
		event.preventDefault()
		api.show()
	}
})
