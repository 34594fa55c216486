// document.cookie and cookieStore. What is granted goes to the browser as the page
// wrote it, with its lifetime cut down to what was declared; what is not is dropped and
// not shown, as in a browser that has cookies switched off. Package cookie does the
// same to headers.

const trim = text => text.replace(/^[ \t]+|[ \t]+$/g, '')

// split splits at the first separator; the second part is undefined without one.
const split = (text, separator) => {
	const at = text.indexOf(separator)
	return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

// namesOf returns the names under which some browser keeps a pair or a server reads it.
const namesOf = pair => {
	const [before, after] = split(pair, '=')
	const name = trim(before)
	if (after === undefined) {
		return name ? ['', name] : ['']
	}
	if (name) {
		return [name]
	}
	const [inner, more] = split(after, '=')
	return more === undefined ? [''] : ['', trim(inner)]
}

// judge returns the cap for a cookie that may pass under all its names, as { life }, and
// nothing for one that may not.
const judge = names => {
	let life, kept = true
	for (const name of names) {
		const rule = cookieRule(name)
		if (name === rules.own) {
			kept = false
		} else if (!isGranted(rule)) {
			withhold(rule)
			kept = false
		}
		life = shorter(life, rule.life)
	}
	return kept ? { life } : undefined
}

// visible cuts what is not granted out of the cookies that a browser shows.
let hiding = false
const visible = text => {
	const kept = text.split(';').filter(segment => !trim(segment) || judge(namesOf(segment)))
	const shown = kept.join(';')
	if (shown.length === text.length) {
		return text
	}
	hiding = true
	return shown.replace(/^[; \t]+/, '')
}

// The life of a cookie: 0 if it is deleted, 1 if it ends with the session, one more
// than its seconds otherwise. No browser keeps one for more than 400 days.
const deletion = 0, session = 1
const lifeOf = seconds => seconds > 0 ? Math.min(seconds, 34560000) + 1 : deletion

// Readings are of browsers that differ: the longest life, and whether all agree.
const readMaxAge = text => {
	const [, sign, digits, rest] = /^([+-]?)(\d*)([^]*)$/.exec(text)
	if (rest && digits < 2147483647) {
		return [deletion, false]
	}
	return [sign === '-' ? deletion : lifeOf(+digits), !!digits && !rest && sign !== '+']
}

// readExpires reads dates as RFC 6265bis, section 5.1.1, says. A browser that also takes
// others is kept from it where a lifetime counts.
const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const readExpires = text => {
	let clock, day, month = -1, year
	for (const token of text.split(/[\t -/;-@[-`{-~]/)) {
		if (!/^\d/.test(token)) {
			month = month < 0 ? months.indexOf(token.slice(0, 3).toLowerCase()) : month
		} else if (token.includes(':')) {
			clock = clock || /^(\d\d?):(\d\d?):(\d\d?)$/.exec(token)
		} else if (/\D/.test(token)) {
			continue // such as 9th
		} else if (day === undefined && token.length < 3) {
			day = +token
		} else if (year === undefined && token.length < 6) {
			year = +token + (token < 70 ? 2000 : token < 100 ? 1900 : 0)
		}
	}
	const [, hour, minute, second] = clock || [0, 24]
	const date = new Date(Date.UTC(year, month, day, hour, minute, second))
	if (month < 0 || hour > 23 || minute > 59 || second > 59 || date.getUTCDate() !== day) {
		return Date.parse(text) <= Date.now() ? [deletion, true] : [deletion, false, true]
	}
	return [lifeOf(Math.ceil((date - Date.now()) / 1000)), true]
}

// readLife returns the longest life that the attributes of a cookie give it, and
// whether a date among them is to be left out because browsers differ about it.
const readLife = attributes => {
	let maxAge = [deletion, false], expires = maxAge
	for (const segment of attributes) {
		const [key, value = ''] = split(segment, '=')
		const name = trim(key).toLowerCase(), text = trim(value)
		if (text.length > 1024) {
			continue
		}
		if (name === 'max-age') {
			maxAge = readMaxAge(text)
		} else if (name === 'expires') {
			expires = readExpires(text)
		}
	}
	if (maxAge[1]) {
		return [maxAge[0]]
	}
	return [Math.max(maxAge[0], expires[0], expires[1] ? deletion : session), expires[2]]
}

// admit returns what to write for what the page wrote, and nothing for a cookie that
// is dropped. To delete one is always allowed.
const admit = line => {
	if (/[\0\r\n]/.test(line)) {
		return // no browser stores it, but older ones a part
	}
	const [pair, ...attributes] = line.split(';')
	const [life, doubtful] = readLife(attributes)
	const cap = judge(namesOf(pair))
	if (life === deletion) {
		return cap ? line : line + ';max-age=0'
	}
	if (!cap) {
		return
	}
	if (cap.life === 0 || doubtful && cap.life) {
		line = [pair, ...attributes.filter(text => !/^[ \t]*(expires|max-age)[ \t]*(=|$)/i.test(text))].join(';')
	}
	return cap.life && life - session > cap.life ? line + ';max-age=' + cap.life : line
}

// replace puts another function in the place of a method. Where the browser has none,
// it does nothing.
const replace = (prototype, name, make) => {
	if (prototype && prototype[name]) {
		prototype[name] = make(prototype[name])
	}
}

// redefine does the same for the getter of a property and, if there is one, its setter.
const redefine = (object, name, make) => {
	const property = object && Object.getOwnPropertyDescriptor(object, name)
	if (property && property.configurable) {
		Object.defineProperty(object, name, Object.assign({}, property, make(property)))
	}
}

const guardCookies = win => {
	redefine(win.Document.prototype, 'cookie', ({ get, set }) => {
		let whole, shown, under
		return {
			get() {
				const text = apply(get, this, [])
				if (text !== whole || states !== under) {
					whole = text
					under = states
					shown = visible(text)
				}
				return shown
			},
			set(value) {
				const line = admit(`${value}`)
				if (line !== undefined) {
					apply(set, this, [line])
				}
			},
		}
	})

	const store = win.CookieStore && win.CookieStore.prototype
	const keep = ({ name, value }) => judge(name ? [name] : ['', value])
	replace(store, 'set', original => function set(...args) {
		try {
			// The name and the value, or an object with them.
			const init = args.length > 1 ? { name: `${args[0]}`, value: `${args[1]}` } : args[0]
			const { expires, maxAge } = init
			const cap = keep({ name: trim(`${init.name}`), value: trim(`${init.value}`) })
			const now = Date.now()
			if (!cap && !(expires != null && expires <= now || maxAge <= 0)) {
				return win.Promise.resolve()
			}
			if (!cap) { // browsers that know no maxAge would keep it
				return apply(original, this, [Object.create(init, { expires: { value: 1 }, maxAge: { value: undefined } })])
			}
			if (cap && cap.life !== undefined) {
				const limited = {}
				if (expires != null && (!cap.life || expires > now + cap.life * 1000)) {
					limited.expires = { value: cap.life ? now + cap.life * 1000 : null }
				}
				if (maxAge != null && (!cap.life || maxAge > cap.life)) {
					limited.maxAge = { value: cap.life || undefined }
				}
				return apply(original, this, [Object.create(init, limited)])
			}
		} catch (e) {
			// The browser says what is wrong with it.
		}
		return apply(original, this, args)
	})
	replace(store, 'getAll', original => function getAll(...args) {
		return apply(original, this, args).then(list => list.filter(keep))
	})
	replace(store, 'get', original => function get(...args) {
		return apply(original, this, args).then(found => !found || keep(found) ? found : this.getAll(...args).then(list => list[0] || null))
	})
}

const guards = [guardCookies]
