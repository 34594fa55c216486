// Web Storage and IndexedDB, for keys and databases that services declared. A key of a
// service that is not granted can be neither written nor read, as in a browser that
// keeps nothing; all others are left alone.

const keys = compile(rules.storage || [])
const keyRules = new Map()

const keyRule = key => {
	if (!keyRules.has(key)) {
		if (keyRules.size > 999) {
			keyRules.clear()
		}
		keyRules.set(key, declared(keys, key))
	}
	return keyRules.get(key)
}

const hides = key => {
	const rule = keyRule(key)
	return !!rule && !isGranted(rule)
}

// refuses is hides for a key that the page uses.
const refuses = key => {
	const hidden = hides(key)
	if (hidden) {
		withhold(keyRule(key))
	}
	return hidden
}

// refusesWrite is refuses for one that it writes. Keys that nobody declared are counted,
// for whoever writes the declaration.
const undeclared = new Set()
const refusesWrite = key => {
	if (!keyRule(key) && undeclared.size < 1000) {
		undeclared.add(key)
	}
	return refuses(key)
}


const protectedStorage = new WeakSet()

// The storages behind proxies, whatever window a method comes from.
const proxies = new WeakMap(), storages = new WeakMap()
const storageOf = object => storages.get(object) || object

const guardStorage = win => {
	if (protectedStorage.has(win.Document) || keys.every(isGranted)) {
		return
	}
	protectedStorage.add(win.Document)
	const prototype = win.Storage.prototype
	const { key, getItem } = prototype
	const { get: length } = Object.getOwnPropertyDescriptor(prototype, 'length')

	// Pages get a proxy in place of each storage, for what is no method call.
	const keysOf = storage => {
		const shown = []
		for (let i = 0; i < apply(length, storage, []); i++) {
			const name = apply(key, storage, [i])
			if (!hides(name)) {
				shown.push(name)
			}
		}
		return shown
	}

	replace(prototype, 'getItem', () => function (...args) {
		if (args.length && refuses(args[0] = `${args[0]}`)) {
			return null
		}
		return apply(getItem, storageOf(this), args)
	})
	replace(prototype, 'setItem', setItem => function (...args) {
		if (args.length < 2 || !refusesWrite(args[0] = `${args[0]}`)) {
			apply(setItem, storageOf(this), args)
		}
	})
	replace(prototype, 'key', () => function (...args) {
		if (!args.length) {
			return apply(key, storageOf(this), args)
		}
		const name = keysOf(storageOf(this))[args[0] >>> 0]
		return name === undefined ? null : name
	})
	for (const name of ['removeItem', 'clear']) {
		replace(prototype, name, method => function (...args) {
			return apply(method, storageOf(this), args)
		})
	}
	redefine(prototype, 'length', () => ({
		get() {
			return keysOf(storageOf(this)).length
		},
	}))

	// What the prototype has goes before keys of the same name when it is read.
	const isKey = name => typeof name === 'string' && !(name in prototype)
	const traps = {
		get: (storage, name) => isKey(name) && refuses(name) ? undefined : Reflect.get(storage, name),
		set: (storage, name, value) => typeof name === 'string' && refusesWrite(name) || Reflect.set(storage, name, value),
		has: (storage, name) => !(isKey(name) && hides(name)) && Reflect.has(storage, name),
		ownKeys: storage => Reflect.ownKeys(storage).filter(name => typeof name !== 'string' || !hides(name)),
		getOwnPropertyDescriptor: (storage, name) => typeof name === 'string' && hides(name) ? undefined : Reflect.getOwnPropertyDescriptor(storage, name),
		defineProperty: (storage, name, property) => typeof name === 'string' && refusesWrite(name) || Reflect.defineProperty(storage, name, property),
	}
	const proxyOf = storage => {
		if (!storage) {
			return storage
		}
		if (!proxies.has(storage)) {
			const proxy = new Proxy(storage, traps)
			proxies.set(storage, proxy)
			storages.set(proxy, storage)
		}
		return proxies.get(storage)
	}
	const giveProxy = ({ get }) => ({
		get() {
			return proxyOf(apply(get, this, []))
		},
	})
	redefine(win, 'localStorage', giveProxy)
	redefine(win, 'sessionStorage', giveProxy)

	// Events name the storage that they are about.
	redefine(win.StorageEvent.prototype, 'storageArea', giveProxy)
	replace(win.StorageEvent.prototype, 'initStorageEvent', init => function (...args) {
		args[7] = storageOf(args[7])
		return apply(init, this, args)
	})
	replace(win, 'StorageEvent', StorageEvent => new Proxy(StorageEvent, {
		construct(target, args, newTarget) {
			const storage = args[1] && storages.get(args[1].storageArea)
			if (storage) {
				args[1] = Object.create(args[1], { storageArea: { value: storage } })
			}
			return Reflect.construct(target, args, newTarget)
		},
	}))

	const databases = win.IDBFactory && win.IDBFactory.prototype
	replace(databases, 'open', open => function (...args) {
		if (!args.length || !refusesWrite(args[0] = `${args[0]}`)) {
			return apply(open, this, args)
		}
		// A request like any other, which fails before anybody can use it: for a
		// database that does not exist and is not made.
		args[0] = 'cookie-consent-' + Math.random()
		const request = apply(open, this, args)
		request.addEventListener('upgradeneeded', event => {
			event.stopImmediatePropagation()
			request.transaction.abort()
		})
		return request
	})
	replace(databases, 'databases', list => function (...args) {
		return apply(list, this, args).then(all => all.filter(({ name }) => !hides(name)))
	})
}

guards.push(guardStorage)
changes.push(() => {
	guardStorage(window)
	withdraw()
})

// withdraw removes what is stored under what the visitor refused. What was not asked
// for stays.
const getters = ['localStorage', 'sessionStorage'].map(name => (Object.getOwnPropertyDescriptor(window, name) || {}).get)
const { removeItem } = window.Storage ? Storage.prototype : {}
const { databases, deleteDatabase } = window.IDBFactory ? IDBFactory.prototype : {}

const withdraw = () => {
	const isRefused = ({ units }) => units.some(unit => states[unit] === '0')
	const mustGo = name => {
		const rule = keyRule(name)
		return !!rule && isRefused(rule)
	}
	if (!keys.some(isRefused)) {
		return
	}
	for (const get of getters) {
		try {
			const storage = apply(get, window, [])
			Object.keys(storage).filter(mustGo).forEach(name => apply(removeItem, storage, [name]))
		} catch (e) {
			// The browser keeps nothing.
		}
	}
	const remove = name => mustGo(name) && apply(deleteDatabase, indexedDB, [name])
	if (databases) {
		apply(databases, indexedDB, []).then(all => all.forEach(({ name }) => remove(name))).catch(() => {})
	} else if (deleteDatabase) {
		keys.filter(({ parts }) => parts.length === 1).forEach(({ parts }) => remove(parts[0]))
	}
}

// Reading storage may mean to wait for the disk, which nothing has to: it is hidden.
setTimeout(withdraw)
