; SPDX-License-Identifier: MIT
;
; uint64_t efi_call(uint64_t fn, const uint64_t args[5], uint64_t stack_top,
;     uint64_t page_root): calls a service of the firmware (efi_runtime.c) by
; the firmware's convention, UEFI 2.10, 2.3.4: arguments in rcx, rdx, r8, r9 and
; on the stack behind 32 bytes of room, the stack 16-byte aligned; SSE and x87
; usable, their exceptions masked.  It keeps rbx, rbp, rsi, rdi, r12 to r15.
;
; The upper half, where this code and the exceptions' stacks lie, is the same in
; both page tables; the firmware's stack lies in the lower half.

CR0_MP_NE           equ 22h
CR0_EM_TS           equ 0ch
CR4_OSFXSR_XMMEXCPT equ 600h

section .text
bits 64
global efi_call
efi_call:
	push rbp
	mov rbp, rsp
	push rbx
	push r12

	mov rax, cr4
	or eax, CR4_OSFXSR_XMMEXCPT
	mov cr4, rax
	mov rax, cr0
	and eax, ~CR0_EM_TS
	or eax, CR0_MP_NE
	mov cr0, rax
	cld
	fninit
	ldmxcsr [rel mxcsr]

	mov rax, rdi
	mov r10, rsi
	mov r12, rsp
	mov rbx, cr3
	mov rsp, rdx
	mov cr3, rcx
	sub rsp, 48
	mov rcx, [r10]
	mov rdx, [r10 + 8]
	mov r8, [r10 + 16]
	mov r9, [r10 + 24]
	mov r10, [r10 + 32]
	mov [rsp + 32], r10
	call rax

	mov cr3, rbx
	mov rsp, r12
	pop r12
	pop rbx
	pop rbp
	ret

section .rodata
align 4
mxcsr:
	dd 1f80h
