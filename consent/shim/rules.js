// What the visitor decided, and what follows from it for a name: the same as package
// consent works out. Categories and services are numbers, the positions of their
// digits in states.

const { apply } = Reflect
const { src, dataset } = document.currentScript
const [given, ...words] = dataset.state.split(' ')
let states = given

// What has to be done when states changes.
const changes = []

const endpoint = name => src.replace(/[^/]*$/, name)

// The application finds its own scripts in their places.
document.currentScript.remove()

const { categories } = rules
const asks = unit => rules.asks[unit] === '1'
const categoryOf = unit => unit < categories ? unit : rules.of[unit - categories]

// Lifetimes are in seconds: 0 for a session, undefined where none was declared.
const shorter = (a, b) => a === undefined ? b : b === undefined ? a : Math.min(a, b)

const compile = patterns => patterns.map(([text, units, life]) => ({ parts: text.split('*'), units, life }))

// matches reports whether a pattern covers the whole name. Taking the leftmost place
// of every part never misses a match.
const matches = (parts, name) => {
	const last = parts.length - 1
	if (!last) {
		return name === parts[0]
	}
	let at = parts[0].length
	const end = name.length - parts[last].length
	if (end < at || !name.startsWith(parts[0]) || !name.endsWith(parts[last])) {
		return false
	}
	for (let i = 1; i < last; i++) {
		const found = name.indexOf(parts[i], at)
		if (found < 0 || found + parts[i].length > end) {
			return false
		}
		at = found + parts[i].length
	}
	return true
}

// declared returns the rule of all patterns that match, or nothing.
const declared = (patterns, name) => {
	const units = []
	let life
	for (const pattern of patterns) {
		if (matches(pattern.parts, name)) {
			units.push(...pattern.units)
			life = shorter(life, pattern.life)
		}
	}
	return units.length ? combine(units, life) : undefined
}

// combine lets the strictest category win: first what needs consent, then by the order
// of the categories. Within it the services decide, if there are any.
const combine = (units, life) => {
	let winner, needs = false, winning
	for (let category = 0; category < categories; category++) {
		const members = units.filter(unit => categoryOf(unit) === category)
		const services = members.filter(unit => unit >= categories)
		const asking = asks(category) && (!services.length || services.some(asks))
		if (members.length && (asking || !needs)) {
			winner = category
			needs = asking
			winning = services.length ? services : [category]
		}
	}
	if (!needs && winner) {
		life = shorter(life, rules.exempt)
	}
	return { units: winning, life }
}

const cookies = compile(rules.cookies)
const necessary = { units: [0] }
const unknown = { units: [rules.unknown] }

// What is known without a declaration: the categories of exact names by digest, and a group in
// shapes for each run of names of one category, the most specific ones first.
const builtIn = rules.built.map(unit => ({ units: [unit] }))
// Both are made when the first name is looked up, by when most pages are shown.
let names, shapes
const named = name => {
	names = names || new Map(rules.known.flatMap((list, i) => {
		let digest = 0
		return (list.match(/[a-z]*[A-Z]/g) || []).map(letters => {
			digest += [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt() % 32 - 1, 0)
			return [digest, builtIn[i]]
		})
	}))
	let hash = 0x811c9dc5
	for (let i = 0; i < name.length; i++) {
		hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
	}
	return names.get(hash >>> 6)
}
const shaped = name => {
	shapes = shapes || new RegExp(rules.shapes)
	const groups = shapes.exec(name)
	return groups ? builtIn[rules.shapesIn[groups.findIndex((group, i) => i && group !== undefined) - 1]] : undefined
}
const known = name => {
	const bare = name.replace(/^__(Host-Http|Host|Secure|Http)-/, '')
	return named(name) || named(bare) || shaped(name) || shaped(bare)
}

const remembered = new Map()

const cookieRule = name => {
	let rule = remembered.get(name)
	if (!rule) {
		rule = name === rules.own ? necessary : declared(cookies, name) || known(name) || unknown
		if (remembered.size > 999) {
			remembered.clear()
		}
		remembered.set(name, rule)
	}
	return rule
}

const isGranted = rule => rule.units.every(unit => states[unit] === '2')

// withheld holds the numbers in whose name something was kept back on this page.
const withheld = new Set()
const withhold = rule => rule.units.forEach(unit => withheld.add(unit))
