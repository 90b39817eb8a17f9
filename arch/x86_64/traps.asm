; SPDX-License-Identifier: MIT
;
; One stub per vector.  Each leaves a struct trap_frame (traps.h) on the stack
; that its IDT entry names and calls trap_entry or, from vector 32 on,
; interrupt_entry.  The whole frame is saved for interrupts too: a watchdog
; then shows where the CPU was, and the cost is a few stores.

section .text
bits 64

%macro stub 1
	align 16
	stub_%1:
	; These vectors push an error code of their own.
	%if !(%1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17 || %1 == 21 || \
	    %1 == 29 || %1 == 30)
		push 0
	%endif
	push %1
	jmp enter
%endmacro

%assign vector 0
%rep 256
	stub vector
	%assign vector vector + 1
%endrep

extern trap_entry, interrupt_entry
align 16
enter:
	push rax
	push rbx
	push rcx
	push rdx
	push rsi
	push rdi
	push rbp
	push r8
	push r9
	push r10
	push r11
	push r12
	push r13
	push r14
	push r15
	cld
	mov rdi, rsp
	cmp qword [rsp + 15 * 8], 32
	jae .interrupt
	call trap_entry
	jmp .leave
.interrupt:
	call interrupt_entry
.leave:
	pop r15
	pop r14
	pop r13
	pop r12
	pop r11
	pop r10
	pop r9
	pop r8
	pop rbp
	pop rdi
	pop rsi
	pop rdx
	pop rcx
	pop rbx
	pop rax
	add rsp, 16
	iretq

; void tables_load(const struct table_pointer *gdt, const struct table_pointer
;     *idt): the selectors are those of tables.c.
global tables_load
tables_load:
	lgdt [rdi]
	lidt [rsi]
	push 8
	lea rax, [rel .reload]
	push rax
	retfq
.reload:
	mov eax, 16
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov eax, 24
	ltr ax
	ret

section .rodata
align 8
global trap_stubs
trap_stubs:
%assign vector 0
%rep 256
	dq stub_%+vector
	%assign vector vector + 1
%endrep
