// What scripts of a site may use of its consent to cookies. The script that provides it
// is the first of every page, also after the answer of a form and in frames of the site.

/** What the visitor decided about something. What was not asked is not granted. */
type CookieConsentDecision = 'granted' | 'refused' | 'not_asked'

interface CookieConsentState {
	/** Whether there is a choice of the visitor. */
	readonly asked: boolean

	/** By the name of the category, "necessary" included. */
	readonly categories: Readonly<Record<string, CookieConsentDecision>>

	/** By the id of the service. */
	readonly services: Readonly<Record<string, CookieConsentDecision>>
}

interface CookieConsentEventMap {
	/** There is a choice: it was made, or changed, or the page came with it. */
	consent: CustomEvent<CookieConsentState>

	/** What is granted changed while the page was open, here or in another tab. */
	change: CustomEvent<CookieConsentState>
}

interface CookieConsent {
	/** What holds now. */
	readonly state: CookieConsentState

	/** Whether a category or a service is granted; false for names that there are not. */
	has(name: string): boolean

	/**
	 * Agrees to everything, refuses everything, or sets what is named, by category or
	 * service, and leaves the rest as it is; a service that is not named follows its
	 * category if that is. The promise is fulfilled when the choice was taken and the
	 * server has said what holds now, which "state" has by then; the page is loaded anew
	 * where something on it was held back. What others provide can be contacted from the
	 * next page on. The promise is rejected with a "NotAllowedError" when something would
	 * be granted without an act of the visitor (a click or a key) shortly before, with a
	 * RangeError for names that there are not, and with another error when the server did not
	 * confirm that there is a choice, be it because it could not be sent or saved.
	 */
	accept(): Promise<void>
	reject(): Promise<void>
	save(wanted: Record<string, boolean>): Promise<void>

	/** Opens the choice: that of the banner, or the preferences page. */
	show(): void

	/** How many keys the page stored that nobody declared; only if a service declares some. */
	readonly undeclaredKeys?: number

	/** A listener that comes late is told of the last event of its type at once. */
	addEventListener<K extends keyof CookieConsentEventMap>(
		type: K,
		listener: ((event: CookieConsentEventMap[K]) => void) | { handleEvent(event: CookieConsentEventMap[K]): void } | null,
		options?: boolean | AddEventListenerOptions,
	): void
	removeEventListener<K extends keyof CookieConsentEventMap>(
		type: K,
		listener: ((event: CookieConsentEventMap[K]) => void) | { handleEvent(event: CookieConsentEventMap[K]): void } | null,
		options?: boolean | EventListenerOptions,
	): void
}

declare var cookieConsent: CookieConsent

interface Window {
	cookieConsent: CookieConsent
}
