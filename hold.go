package cookieconsent

import (
	"sync"
	"time"
)

// patience is how long a piece of a page may be held back, and at most doubled.
const patience = time.Millisecond

// hold bounds how long something is held back that goes out sooner with what
// follows it: a page that comes fast goes out in half as many pieces, and one that
// stops waits for nobody. Its timer is set once for many pieces.
type hold struct {
	mu    sync.Mutex // of whoever writes
	held  bool       // something is held back
	armed bool       // the timer runs
	fresh bool       // what is held back came after the timer was set
	timer *time.Timer
}

// init makes h call send, with h.mu held, for what was held back too long.
func (h *hold) init(send func()) {
	h.timer = time.AfterFunc(time.Hour, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.armed = false
		switch {
		case !h.held:
		case h.fresh:
			h.set()
		default:
			h.held = false
			send()
		}
	})
	h.timer.Stop()
}

// holdBack notes that something is held back.
func (h *hold) holdBack() {
	h.held, h.fresh = true, true
	if !h.armed {
		h.set()
	}
}

func (h *hold) set() {
	h.armed, h.fresh = true, false
	h.timer.Reset(patience)
}
