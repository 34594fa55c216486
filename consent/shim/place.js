// Where the banner stands on the page: in the window even if the page makes its body the
// frame of what is fixed, with room behind the end of a page that can be scrolled, and
// not in front of what has the focus.

const place = () => requestAnimationFrame(() => {
	const banner = piece('cookie-consent')
	if (banner) {
		const { activeElement, documentElement } = document
		const [own, focused] = [banner, activeElement || banner].map(element => element.getBoundingClientRect())
		if (own.bottom > innerHeight && banner.showPopover && !banner.popover) {
			banner.popover = 'manual'
			banner.showPopover()
		}
		const { classList } = banner
		classList.toggle('cookie-consent-room', documentElement.scrollHeight > innerHeight)
		classList.toggle('cookie-consent-top', focused.top > own.height && focused.bottom > innerHeight - own.height && !banner.contains(activeElement))
	}
})

for (const event of ['load', 'focusin']) {
	addEventListener(event, place)
}
