; SPDX-License-Identifier: MIT
;
; void arch_context_switch(struct arch_context *from, struct arch_context *to)
;
; A cooperative switch is a call, so only what a callee must keep is saved.
; Threads switch with interrupts on; the flags need no saving.

section .text
bits 64
global arch_context_switch
arch_context_switch:
	push rbp
	push rbx
	push r12
	push r13
	push r14
	push r15
	mov [rdi], rsp
	mov rsp, [rsi]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbx
	pop rbp
	ret
