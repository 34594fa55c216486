#include "textflag.h"

// MASK sets AX to the bits of the bytes of Y0 and Y1 that equal those of a register.
#define MASK(c) \
	VPCMPEQB c, Y0, Y2; \
	VPCMPEQB c, Y1, Y3; \
	VPMOVMSKB Y2, AX; \
	VPMOVMSKB Y3, BX; \
	SHLQ $32, BX; \
	ORQ BX, AX

// FILL sets all bytes of a register.
#define FILL(value, x, y) \
	MOVQ $value, AX; \
	MOVQ AX, x; \
	VPBROADCASTB x, y

// func classifyAVX2(p *byte, masks *mask, n int)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ masks+8(FP), DI
	MOVQ n+16(FP), CX
	FILL(0x3c, X8, Y8)
	FILL(0x3e, X9, Y9)
	FILL(0x3d, X10, Y10)
	FILL(0x22, X11, Y11)
	FILL(0x27, X12, Y12)
	FILL(0x20, X13, Y13)
	FILL(0x2f, X14, Y14)
	VPCMPEQB X15, X15, X15

loop:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1

	MASK(Y8)
	MOVQ AX, 0(DI)
	MASK(Y9)
	MOVQ AX, 8(DI)
	MASK(Y10)
	MOVQ AX, 16(DI)
	MASK(Y11)
	MOVQ AX, 24(DI)
	// Times all ones without carrying is every bit plus all below it.
	MOVQ AX, X4
	VPCLMULQDQ $0, X15, X4, X4
	MOVQ X4, 48(DI)
	MASK(Y12)
	MOVQ AX, 32(DI)

	MASK(Y14)
	MOVQ AX, DX
	// A byte is at most a space if the lesser of both is the byte.
	VPMINUB Y13, Y0, Y2
	VPMINUB Y13, Y1, Y3
	VPCMPEQB Y2, Y0, Y2
	VPCMPEQB Y3, Y1, Y3
	VPMOVMSKB Y2, AX
	VPMOVMSKB Y3, BX
	SHLQ $32, BX
	ORQ  BX, AX
	ORQ  DX, AX
	MOVQ AX, 40(DI)

	ADDQ $64, SI
	ADDQ $56, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func scanRawAVX2(p *byte, n int) int
TEXT ·scanRawAVX2(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ SI, DI
	FILL(0x3c, X8, Y8)
	FILL(0x2f, X9, Y9)
	FILL(0x21, X10, Y10)

next:
	VMOVDQU  1(SI), Y1
	VPCMPEQB (SI), Y8, Y0
	VPCMPEQB Y1, Y9, Y2
	VPCMPEQB Y1, Y10, Y3
	VPOR     Y2, Y3, Y2
	VPAND    Y2, Y0, Y0
	VPMOVMSKB Y0, AX
	TESTL AX, AX
	JNZ  found
	ADDQ $32, SI
	DECQ CX
	JNZ  next
	SUBQ DI, SI
	VZEROUPPER
	MOVQ SI, ret+16(FP)
	RET

found:
	BSFL AX, AX
	SUBQ DI, SI
	ADDQ AX, SI
	VZEROUPPER
	MOVQ SI, ret+16(FP)
	RET
