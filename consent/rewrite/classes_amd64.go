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
