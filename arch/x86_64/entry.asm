; SPDX-License-Identifier: MIT
;
; The kernel's three entries, and the way from there to C at -2 GiB.
;
;   uefi_entry  64-bit, ELF e_entry: rdi = physical address of struct boot_info.
;               The firmware's paging may be anything that maps the image and
;               boot_info identically: four or five levels, PCID on or off.
;   pvh_entry   32-bit, from the ELF note: ebx = struct hvm_start_info.
;   multiboot2_entry
;               32-bit, from the multiboot2 header: ebx = its information.  On
;               BIOS machines, so the CPU may be one that we cannot run on.
;
; The 64-bit entry leaves long mode first, since the number of paging levels can
; only be chosen with paging off.  So all meet in `start32`, with
;   ebp = physical base of the image (2 MiB aligned)
;   ebx = what the door gave, physical
;   esi = which door (boot/door.h)
;
; The boot page tables map the first 4 GiB twice, at 0 and at the direct map's
; place, and the image at its link address.  arch/x86_64/paging.c replaces them.

%include "layout.inc"

; The offset of a symbol in the image: what a 32-bit register can hold.
%define OFF(sym) (sym + IMAGE_UNLINK)

PTE_PRESENT_WRITE equ 3
PDE_LARGE         equ 83h
CR0_PE_WP_PG      equ 80010001h
CR0_PG            equ 80000000h
CR4_PAE           equ 20h
CR4_LA57          equ 1000h
MSR_EFER          equ 0c0000080h
EFER_LME          equ 100h

SEL_CODE64 equ 08h
SEL_DATA   equ 10h
SEL_CODE32 equ 18h

; PVH: note "Xen", type 18 (PHYS32_ENTRY).  QEMU wants 4-byte alignment, and ld
; makes no PT_NOTE unless the section has the note type.
section .note.pvh note alloc noexec nowrite align=4
	dd 4, 4, 18
	db "Xen", 0
	dd pvh_entry_phys

; Multiboot2 specification 3.1: within the first 32 KiB of the file, 64-bit
; aligned.  The kernel is content with VGA text, which every PC with a BIOS
; shows, so it asks for no graphics mode.
MB2_MAGIC      equ 0e85250d6h
MB2_BOOT_MAGIC equ 36d76289h

section .text.multiboot2 progbits alloc exec nowrite align=8
global multiboot2_header
multiboot2_header:
	dd MB2_MAGIC, 0, .end - multiboot2_header
	dd 100000000h - MB2_MAGIC - (.end - multiboot2_header)
	dw 3, 0			; where to enter
	dd 12, multiboot2_entry_phys
	align 8, db 0
	dw 4, 0			; consoles: VGA text will do, none is required
	dd 12, 2
	align 8, db 0
	dw 6, 0			; modules begin at pages
	dd 8
	dw 10, 0		; lowest free place below 4 GiB, 2 MiB aligned
	dd 24, IMAGE_LMA, 0ffffffffh, 200000h, 1
	dw 0, 0
	dd 8
.end:

section .text.entry progbits alloc exec nowrite align=16

bits 64
global uefi_entry
uefi_entry:
	cli
	cld
	mov ebx, edi
	lea rbp, [rel image_start]

	; Clearing CR0.PG faults while CR4.PCIDE is set; LA57 must wait.
	mov rax, cr4
	and eax, CR4_LA57 | CR4_PAE
	mov cr4, rax

	lea rax, [rbp + OFF(boot_gdt)]
	mov [rbp + OFF(boot_gdtr) + 2], rax
	lgdt [rbp + OFF(boot_gdtr)]
	lea rsp, [rbp + OFF(boot_stack_top)]
	push SEL_CODE32
	lea rax, [rel .compat]
	push rax
	retfq

bits 32
.compat:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov eax, cr0
	and eax, ~CR0_PG
	mov cr0, eax
	mov esi, DOOR_UEFI
	jmp start32

global pvh_entry
pvh_entry:
	cli
	cld
	mov ebp, IMAGE_LMA ; this door loads at the headers' p_paddr
	mov esi, DOOR_PVH
	jmp start32

; There is no stack yet, and the image lies where the loader saw fit: the
; information's reserved second word takes the address that tells where.
global multiboot2_entry
multiboot2_entry:
	cli
	cld
	lea esp, [ebx + 8]
	call .here
.here:
	pop ebp
	sub ebp, OFF(.here)
	lea esp, [ebp + OFF(boot_stack_top)]
	cmp eax, MB2_BOOT_MAGIC
	lea esi, [ebp + OFF(text_loader)]
	jne refuse
	call has_long_mode
	lea esi, [ebp + OFF(text_cpu)]
	jz refuse
	mov esi, DOOR_BIOS

start32:
	lea esp, [ebp + OFF(boot_stack_top)]
	lea edi, [ebp + OFF(boot_tables)]
	call build_tables

	mov eax, CR4_PAE
	mov cr4, eax
	mov cr3, edi
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, CR0_PE_WP_PG
	mov cr0, eax

	lea eax, [ebp + OFF(boot_gdt)]
	mov [ebp + OFF(boot_gdtr) + 2], eax
	lgdt [ebp + OFF(boot_gdtr)]
	push SEL_CODE64
	lea eax, [ebp + OFF(start64)]
	push eax
	retf

; Out: ZF when this CPU has no 64-bit mode.
CPUID_EXT      equ 80000000h
CPUID_EXT_LM   equ 20000000h ; of function 80000001h, edx
EFLAGS_ID      equ 200000h

has_long_mode:
	push ebx
	pushfd
	pop ecx
	mov eax, ecx
	xor eax, EFLAGS_ID
	push eax
	popfd
	pushfd
	pop eax
	cmp eax, ecx ; a CPU without CPUID leaves the flag alone
	je .done
	mov eax, CPUID_EXT
	cpuid
	cmp eax, CPUID_EXT
	jbe .no
	mov eax, CPUID_EXT + 1
	cpuid
	test edx, CPUID_EXT_LM
	jmp .done
.no:
	xor eax, eax
.done:
	pop ebx
	ret

; In: esi = what to say in the screen's first line, and on the serial port.
; The memory of VGA text is all that there is before C.
VGA_TEXT       equ 0b8000h
VGA_WHITE_RED  equ 4fh
COM1           equ 3f8h
COM_SEND_EMPTY equ 20h
COM_POLLS      equ 100000

refuse:
	mov edi, VGA_TEXT
	mov ah, VGA_WHITE_RED
.next:
	lodsb
	test al, al
	jz .stop
	stosw
	mov bl, al
	mov edx, COM1 + 5
	mov ecx, COM_POLLS
.poll:
	in al, dx
	test al, COM_SEND_EMPTY
	loopz .poll
	mov al, bl
	mov edx, COM1
	out dx, al
	jmp .next
.stop:
	hlt
	jmp .stop

; In: edi = five kinds of table, eight zeroed pages: PML4, low PDPT, high PDPT,
; high PD, four low PDs.
build_tables:
	lea eax, [edi + 1000h + PTE_PRESENT_WRITE]
	mov [edi], eax
	mov [edi + DIRECT_PML4 * 8], eax
	lea eax, [edi + 2000h + PTE_PRESENT_WRITE]
	mov [edi + 511 * 8], eax
	lea eax, [edi + 3000h + PTE_PRESENT_WRITE]
	mov [edi + 2000h + 510 * 8], eax

	lea eax, [edi + 4000h + PTE_PRESENT_WRITE]
	xor ecx, ecx
.pdpt:
	mov [edi + 1000h + ecx * 8], eax
	add eax, 1000h
	inc ecx
	cmp ecx, 4
	jne .pdpt

	mov eax, PDE_LARGE
	xor ecx, ecx
.low:
	mov [edi + 4000h + ecx * 8], eax
	add eax, 200000h
	inc ecx
	cmp ecx, 4 * 512
	jne .low

	lea eax, [ebp + PDE_LARGE]
	mov ecx, IMAGE_PD_FIRST
.image:
	mov [edi + 3000h + ecx * 8], eax
	add eax, 200000h
	inc ecx
	cmp ecx, IMAGE_PD_FIRST + IMAGE_MAX_MIB / 2
	jne .image
	ret

bits 64
start64:
	mov rax, .high
	jmp rax
.high:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	xor eax, eax
	mov fs, eax
	mov gs, eax
	mov rsp, boot_stack_top

	; boot_entry(door, info, image base); a null frame ends backtraces.
	extern boot_entry
	mov edi, esi
	mov esi, ebx
	mov edx, ebp
	xor ebp, ebp
	call boot_entry
	ud2

section .rodata
text_cpu:
	db "Ringlet needs a 64-bit processor; this one has 32 bits.", 0
text_loader:
	db "Ringlet: this boot loader does not speak multiboot2.", 0

section .data
align 8
boot_gdt:
	dq 0
	dq 00af9b000000ffffh	; 64-bit code
	dq 00cf93000000ffffh	; data
	dq 00cf9b000000ffffh	; 32-bit code
boot_gdtr:
	dw $ - boot_gdt - 1
	dq 0

section .bss
alignb 4096
boot_tables:
	resb 8 * 4096

; The stack of boot and of the thread "main"; paging.c unmaps the guard.
global boot_stack_guard
boot_stack_guard:
	resb 4096
	resb BOOT_STACK_BYTES
global boot_stack_top
boot_stack_top:

extern image_start, pvh_entry_phys, multiboot2_entry_phys
