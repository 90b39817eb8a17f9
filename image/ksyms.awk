# SPDX-License-Identifier: MIT
# Turns `nm -n` of the linked image into the symbol table of arch/x86_64/ksyms.c.
# Empty input makes an empty table, for the first of the two links.
BEGIN {
	count = 0
}
$2 ~ /^[tT]$/ && $3 !~ /^(stub_|text_end)/ &&
    ($3 !~ /\./ || $3 ~ /\.(part|isra|constprop|cold)/) {
	offset[count] = substr($1, 9)
	name[count++] = $3
}
END {
	print ".section .note.GNU-stack,\"\",@progbits"
	print ".section .ksyms,\"a\",@progbits"
	print ".balign 4\n.globl ksyms_count, ksyms_offset, ksyms_names"
	printf "ksyms_count: .long %d\nksyms_offset:\n", count
	for (i = 0; i < count; i++)
		printf ".long 0x%s - 0x80200000\n", offset[i]
	print "ksyms_names:"
	for (i = 0; i < count; i++)
		printf ".asciz \"%s\"\n", name[i]
}
