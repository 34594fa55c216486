package integration_test

import "testing"

// storagePolicy declares what a service keeps in the browser.
const storagePolicy = `
	cookie_consent {
		service counter {
			category statistics
			provider "The portal"
			purpose "Counts visits"
			cookies cnt_*
			storage cnt_* visits
		}
		service map {
			category third_party
			provider "Example Maps"
			purpose "Shows the way"
			storage map:*
		}
	}
`

// useStorage uses storage in every way that there is, and tells what it finds.
const useStorage = `(kind => {
	const storage = window[kind], out = []
	storage.setItem("theme", "dark"); storage.cart = "3"
	storage.setItem("cnt_a", "1"); storage.cnt_b = "2"; storage["visits"] = "3"
	Storage.prototype.setItem.call(storage, "cnt_c", "4")
	Reflect.defineProperty(storage, "cnt_d", {value: "5", writable: true, enumerable: true, configurable: true})
	Object.assign(storage, {cnt_e: "6", other: "7"})
	out.push(storage.length, Object.keys(storage).sort(), JSON.stringify(storage).length > 2)
	const listed = []
	for (let i = 0; i < storage.length; i++) listed.push(storage.key(i))
	out.push(listed.sort(), storage.key(99))
	const looped = []
	for (const key in storage) if (storage.hasOwnProperty(key)) looped.push(key)
	out.push(looped.sort())
	out.push(["theme", "cnt_a", "visits"].map(key => [storage.getItem(key), storage[key], key in storage, Object.prototype.hasOwnProperty.call(storage, key)].join()))
	out.push(typeof storage.getItem, storage instanceof Storage, String(storage), storage === window[kind], Storage.prototype.getItem === storage.getItem)
	storage.removeItem("other"); delete storage.cart; delete storage.cnt_b
	out.push("cart" in storage, storage.other === undefined)
	const event = new StorageEvent("storage", {key: "theme", storageArea: storage})
	out.push(event.storageArea === storage, event instanceof StorageEvent)
	try { storage.setItem("x") } catch (e) { out.push(e.name) }
	try { storage.getItem() } catch (e) { out.push(e.name) }
	return JSON.stringify(out)
})`

const (
	storageShown  = `[3,["cart","other","theme"],true,["cart","other","theme"],null,["cart","other","theme"],["dark,dark,true,true",",,false,false",",,false,false"],"function",true,"[object Storage]",true,true,false,true,true,true,"TypeError","TypeError"]`
	storageShared = `[9,["cart","cnt_a","cnt_b","cnt_c","cnt_d","cnt_e","other","theme","visits"],true,["cart","cnt_a","cnt_b","cnt_c","cnt_d","cnt_e","other","theme","visits"],null,["cart","cnt_a","cnt_b","cnt_c","cnt_d","cnt_e","other","theme","visits"],["dark,dark,true,true","1,1,true,true","3,3,true,true"],"function",true,"[object Storage]",true,true,false,true,true,true,"TypeError","TypeError"]`
)

// openDatabases opens a declared database and another one.
const openDatabases = `(async () => {
	const open = name => new Promise(done => {
		const request = indexedDB.open(name, 2)
		const said = [request instanceof IDBOpenDBRequest]
		request.onupgradeneeded = () => said.push("upgrade")
		request.onsuccess = () => { request.result.close(); done(said.concat("success").join()) }
		request.onerror = () => done(said.concat(request.error.name).join())
	})
	const results = [await open("visits"), await open("notes"), await open("cnt_db")]
	results.push((await indexedDB.databases()).map(db => db.name).sort().join())
	return results.join(" ")
})()`

// What services keep in the browser is kept once they are agreed to, and removed once
// they are refused; everything else is the application's.
func TestStorageFollowsTheChoice(t *testing.T) {
	app := scriptedApplication(t)
	s := start(t, site(storagePolicy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	check := func(when, storage, databases string) {
		t.Helper()
		for _, kind := range []string{"localStorage", "sessionStorage"} {
			if got := js[string](b, useStorage+`("`+kind+`")`); got != storage {
				t.Errorf("%s: %s is %s\nwant %s", when, kind, got, storage)
			}
		}
		if got := js[string](b, openDatabases); got != databases {
			t.Errorf("%s: databases %s, want %s", when, got, databases)
		}
	}
	const kept, withheld = "true,upgrade,success true,upgrade,success true,upgrade,success cnt_db,notes,visits", "true,AbortError true,upgrade,success true,AbortError notes"
	b.open(s.url("/page"))
	check("not asked", storageShown, withheld)
	if got := js[int](b, "cookieConsent.undeclaredKeys"); got != 4 {
		t.Errorf("%d undeclared keys are counted", got)
	}
	b.decide(s, "accept_all")
	b.open(s.url("/page"))
	js[bool](b, `localStorage.clear(), sessionStorage.clear(), indexedDB.deleteDatabase("notes"), true`)
	check("granted", storageShared, kept)
	js[bool](b, `localStorage["map:1"] = "kept", true`)

	b.decide(s, "reject_all")
	b.open(s.url("/page"))
	js[bool](b, `new Promise(done => setTimeout(() => done(true), 300))`)
	b.open(s.url(prefix)) // a page without the script
	if got := js[string](b, `Object.keys(localStorage).sort().join()`); got != "theme" {
		t.Errorf("after the refusal localStorage has %s", got)
	}
	if got := js[string](b, `indexedDB.databases().then(all => all.map(db => db.name).join())`); got != "notes" {
		t.Errorf("after the refusal there are the databases %s", got)
	}
}

// What was stored before the visitor was asked is not read, and stays.
func TestStorageOfTheUnaskedStays(t *testing.T) {
	app := scriptedApplication(t)
	s := start(t, site(storagePolicy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url(prefix))
	js[bool](b, `localStorage.visits = "9", localStorage.theme = "dark", true`)
	b.open(s.url("/page"))
	if got := js[string](b, `[localStorage.length, localStorage.key(0), localStorage.visits, localStorage.theme].join()`); got != "1,theme,,dark" {
		t.Errorf("the page reads %s", got)
	}
	b.open(s.url(prefix))
	if got := js[string](b, `localStorage.visits`); got != "9" {
		t.Errorf("the key is %q", got)
	}
}
