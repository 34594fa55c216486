package rewrite

import "golang.org/x/sys/cpu"

// classifyAVX2 is [classify] for n > 0 masks.
//
//go:noescape
func classifyAVX2(p *byte, masks *mask, n int)

// classify says of every 64 bytes of p which of them have a meaning in tags.
func classify(p []byte, masks []mask) {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasPCLMULQDQ {
		classifyWords(p, masks)
		return
	}
	_ = p[len(masks)*blockSize-1]
	classifyAVX2(&p[0], &masks[0], len(masks))
}

// scanRawAVX2 returns the index of the first "<" before "/" or "!" in 32n bytes, or 32n.
// It reads one byte more. n is not 0.
//
//go:noescape
func scanRawAVX2(p *byte, n int) int

// scanRaw returns an index from i on before which [rawLessAt] has nothing to find.
func scanRaw(p []byte, i int) int {
	const step = 32
	n := (len(p) - i - 1) / step
	if n <= 0 || !cpu.X86.HasAVX2 {
		return i
	}
	return i + scanRawAVX2(&p[i], n)
}
