// What scripts of the site may use: window.cookieConsent, as cookie-consent.d.ts says.

const stateWords = ['refused', 'not_asked', 'granted']
const unitsOf = name => [...states].map((_, unit) => unit).filter(unit => rules.names[unit] === name)
const wordsOf = (from, to) => Object.fromEntries([...states].slice(from, to).map((digit, i) => [rules.names[from + i], stateWords[digit]]))

// What happened last of each kind, for who listens late.
const happened = Object.create(null)

const openSettings = () => open(endpoint('?return_to=') + encodeURIComponent(location.pathname + location.search), '_top')

// Where events are heard: not every browser lets a script make a target of its own.
const events = document.createElement('i')

const api = {
	get state() {
		return { asked, categories: wordsOf(0, categories), services: wordsOf(categories) }
	},

	has(name) {
		const units = unitsOf(name)
		return units.length > 0 && isGranted({ units })
	},

	accept() {
		return decide([['choice', 'accept_all']], /[01]/.test(states))
	},

	reject() {
		return decide([['choice', 'reject_all']])
	},

	save(wanted) {
		const given = new Map(Object.entries(wanted))
		for (const name of given.keys()) {
			if (!unitsOf(name).length) {
				return Promise.reject(new RangeError(`no category or service "${name}"`))
			}
		}
		// What is not named stays as it is, of which this page may know too little.
		return look().then(known => {
			confirm(known)
			const wants = unit => {
				const name = [unit, categoryOf(unit)].map(u => rules.names[u]).find(n => given.has(n))
				return name === undefined ? states[unit] === '2' : !!given.get(name)
			}
			const fields = [['choice', 'save']]
			let grants = false
			for (let unit = 1; unit < states.length; unit++) {
				const parent = categoryOf(unit)
				grants = grants || parent && wants(unit) && states[unit] !== '2'
				if (unit < categories) {
					if (wants(unit)) {
						fields.push(['category', rules.names[unit]])
					}
				} else if (parent && wants(unit) !== wants(parent)) {
					fields.push(['service', (wants(unit) ? '' : '-') + rules.names[unit]])
				}
			}
			return decide(fields, grants)
		})
	},

	show() {
		const banner = document.getElementById('cookie-consent')
		const choose = banner && isPage && !asked && banner.querySelector('details')
		if (choose) {
			choose.open = true
			choose.firstElementChild.focus()
		} else {
			openSettings()
		}
	},

	addEventListener(type, listener, options) {
		const { once, signal } = options instanceof Object ? options : {}
		const late = listener && !(signal && signal.aborted) && happened[type]
		if (!late || !once) {
			events.addEventListener(type, listener, options)
		}
		if (late) {
			queueMicrotask(() => apply(listener.handleEvent || listener, listener.handleEvent ? listener : events, [eventOf(type)]))
		}
	},

	removeEventListener(...args) {
		events.removeEventListener(...args)
	},
}
if (keys.length) {
	Object.defineProperty(api, 'undeclaredKeys', { get: () => undeclared.size })
}
Object.defineProperty(window, 'cookieConsent', { configurable: true, writable: true, value: api })

const eventOf = type => new CustomEvent(type, { detail: api.state })

// Whether the visitor did something a moment ago, for browsers that do not say so.
let acted = 0
for (const event of ['click', 'keydown']) {
	addEventListener(event, ({ isTrusted }) => {
		acted = isTrusted ? Date.now() : acted
	}, true)
}

// confirm fails unless the server said what holds: neither is a choice based on less, nor
// is one said to be taken.
const confirm = known => {
	if (!known) {
		throw new Error('choice not confirmed')
	}
}

// decide sends a choice. Only the visitor can agree to something.
const decide = (fields, grants) => {
	const { userActivation } = navigator
	if (grants && !(userActivation ? userActivation.isActive : Date.now() - acted < 5000)) {
		return Promise.reject(new DOMException('only the visitor can agree', 'NotAllowedError'))
	}
	return apply(fetch, window, [endpoint('preferences'), {
		method: 'POST',
		body: new URLSearchParams([...fields, ['source', 'script'], ['language', document.documentElement.lang], ['return_to', location.pathname]]),
		redirect: 'manual',
	}]).then(
		({ type, status }) => (type === 'opaqueredirect' || status === 200) && look(), // which tells what was not kept
		() => false,
	).then(known => confirm(known && asked))
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
	events.dispatchEvent(eventOf(type))
}

changes.push(() => {
	mark()
	happened.consent = asked
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
const openersOfPage = () => rules.openers && document.querySelector(rules.openers)
document.addEventListener('click', event => {
	if (event.target.closest && event.target.closest(openers)) {
		event.preventDefault()
		api.show()
	}
})
