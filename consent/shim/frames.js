// Documents that a script writes into a frame come from nowhere, so that nothing was
// put into them. They are guarded when the frame appears or is asked for.

const guarded = new WeakSet()

const guard = win => {
	if (guarded.has(win.Document)) {
		return
	}
	guarded.add(win.Document)
	for (const protect of guards) {
		protect(win)
	}

	const look = frame => {
		try {
			if (/^(about|blob):/.test(frame.location.href)) {
				guard(frame)
			}
		} catch (e) {
			// It is of another origin.
		}
	}
	const prototype = win.HTMLIFrameElement.prototype
	const { get } = Object.getOwnPropertyDescriptor(prototype, 'contentWindow')
	for (const name of ['contentWindow', 'contentDocument']) {
		redefine(prototype, name, original => ({
			get() {
				look(apply(get, this, []))
				return apply(original.get, this, [])
			},
		}))
	}
	win.document.addEventListener('load', ({ target }) => {
		if (target instanceof win.HTMLIFrameElement) {
			look(apply(get, target, []))
		}
	}, true)
}

guard(window)
