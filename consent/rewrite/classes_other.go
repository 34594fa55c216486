//go:build !amd64

package rewrite

// classify says of every 64 bytes of p which of them have a meaning in tags.
func classify(p []byte, masks []mask) { classifyWords(p, masks) }

// scanRaw returns an index from i on before which [rawLessAt] has nothing to find.
func scanRaw(_ []byte, i int) int { return i }
