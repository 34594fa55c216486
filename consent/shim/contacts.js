// What contacts somebody before or beside all requests, so that no policy forbids it: to
// connect ahead, a frame that a script makes (in Chromium), and WebRTC.

const hosts = rules.hosts || []
const site = dataset.site || location.hostname
const within = (host, pattern) => pattern[0] === '*' ? host.endsWith(pattern.slice(1)) : host === pattern

// mayContact reports whether the host of a URL may be contacted. As in the policy, whom
// nobody knows may be only where everything is granted.
const mayContact = text => {
	let url
	try {
		url = new URL(text, document.baseURI)
	} catch (e) {
		return true
	}
	const { protocol, hostname } = url
	if (!/[01]/.test(states) || !/^https?:$/.test(protocol)) {
		return true
	}
	const units = hosts.filter(([pattern]) => within(hostname, pattern)).flatMap(([, members]) => members)
	const services = units.filter(unit => unit)
	return services.length && hostname !== location.hostname ? isGranted(combine(services)) :
		units.length > 0 || hostname === location.hostname || hostname === site || hostname.endsWith('.' + site)
}

// intercept lets take see what scripts set an attribute to, and change it. Without a
// value to set, nothing is set.
const intercept = (prototype, attribute, take) => {
	redefine(prototype, attribute, ({ set }) => ({
		set(value) {
			const taken = take(this, value)
			if (taken !== undefined) {
				apply(set, this, [taken])
			}
		},
	}))
	const { setAttribute } = prototype
	prototype.setAttribute = function (name, value) {
		const taken = `${name}`.toLowerCase() === attribute ? take(this, value) : value
		if (taken !== undefined) {
			apply(setAttribute, this, [name, taken])
		}
	}
}

// Whether a link only says where to connect ahead.
const ahead = /(^|\s)(preconnect|dns-prefetch)(?!\S)/gi

const guardContacts = win => {
	const { setAttribute } = win.Element.prototype
	const hold = (element, attribute, url) => apply(setAttribute, element, ['data-cookie-consent-' + attribute, url])

	const link = win.HTMLLinkElement.prototype
	intercept(link, 'rel', ({ href }, rel) => href && !mayContact(href) ? `${rel}`.replace(ahead, '$1') : rel)
	intercept(link, 'href', (element, url) =>
		element.rel.search(ahead) < 0 || mayContact(`${url}`) ? url : hold(element, 'href', url))
	intercept(win.HTMLIFrameElement.prototype, 'src', (element, url) =>
		mayContact(`${url}`) ? url : hold(element, 'src', url))

	const admit = config => config && config.iceServers ? Object.assign({}, config, {
		iceServers: [...config.iceServers].filter(({ urls, url }) => [].concat(urls || url || []).every(
			address => mayContact(`${address}`.replace(/^\w+:(\/\/)?/, 'https://'))
		)),
	}) : config
	const { RTCPeerConnection } = win
	if (RTCPeerConnection) {
		replace(RTCPeerConnection.prototype, 'setConfiguration', original => function setConfiguration(config) {
			return apply(original, this, [admit(config)])
		})
		win.RTCPeerConnection = new Proxy(RTCPeerConnection, {
			construct: (target, [config, ...rest], made) => Reflect.construct(target, [admit(config), ...rest], made),
		})
		RTCPeerConnection.prototype.constructor = win.RTCPeerConnection
		if (win.webkitRTCPeerConnection) {
			win.webkitRTCPeerConnection = win.RTCPeerConnection
		}
	}
}

guards.push(guardContacts)
