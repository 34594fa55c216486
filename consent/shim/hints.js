// To open a connection ahead is no request, and no policy forbids it. While anything is
// not granted, scripts can't make a link do that: it is of use to nobody else.

const guardHints = win => {
	const { prototype } = win.HTMLLinkElement
	const plain = rel => /[01]/.test(states) ? `${rel}`.replace(/(^|\s)(preconnect|dns-prefetch)(?!\S)/gi, '$1') : rel
	redefine(prototype, 'rel', ({ set }) => ({
		set(value) {
			apply(set, this, [plain(value)])
		},
	}))
	const { setAttribute } = prototype
	prototype.setAttribute = function (name, value) {
		apply(setAttribute, this, [name, /^rel$/i.test(name) ? plain(value) : value])
	}
}

guards.push(guardHints)
