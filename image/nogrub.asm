; SPDX-License-Identifier: MIT
;
; The boot sector of an image that was built without GRUB: tells a BIOS user
; what the stick needs, and stops.  The partition table follows at byte 440.

bits 16
org 7c00h

start:
	cli
	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 7c00h
	sti
	cld
	mov si, text
.next:
	lodsb
	test al, al
	jz .stop
	mov ah, 0eh		; teletype, INT 10h
	mov bx, 7		; page 0, light grey
	int 10h
	jmp .next
.stop:
	hlt
	jmp .stop

text:
	db 13, 10, "Ringlet: this stick needs UEFI firmware.", 13, 10
	db "This PC started it through its BIOS, and the image was built "
	db "without GRUB.", 13, 10
	db "Switch UEFI boot on in the firmware's setup, or install "
	db "grub-pc-bin,", 13, 10
	db "build the image again (make image) and write the stick anew."
	db 13, 10, 0

	times 440 - ($ - $$) db 0
