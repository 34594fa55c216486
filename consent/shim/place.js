// Where the banner and the link to the settings stand: in the window, and as clear as
// they are, even if the page makes its body the frame of what is fixed, or lets it fade.
// The banner has room behind the end of a page that can be scrolled, and is not in front
// of what has the focus.

const lift = element => {
	const fades = () => [document.documentElement, document.body].some(around => getComputedStyle(around).opacity < 1)
	if (element.showPopover && !element.matches(':popover-open') && (element.offsetParent || element.getBoundingClientRect().bottom > innerHeight || fades())) {
		element.popover = 'manual'
		element.showPopover()
	}
}

const place = () => requestAnimationFrame(() => {
	const corner = piece('cookie-consent-corner')
	if (corner && !corner.className) {
		lift(corner)
	}
	const banner = piece('cookie-consent')
	if (banner) {
		lift(banner)
		const { activeElement, documentElement } = document
		const [own, focused] = [banner, activeElement || banner].map(element => element.getBoundingClientRect())
		const { classList } = banner
		classList.toggle('cookie-consent-room', documentElement.scrollHeight > innerHeight)
		classList.toggle('cookie-consent-top', focused.top > own.height && focused.bottom > innerHeight - own.height && !banner.contains(activeElement))
	}
})

for (const event of ['load', 'focusin']) {
	addEventListener(event, place)
}
