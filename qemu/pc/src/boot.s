# From the firmware's last jump (PVH: 32-bit protected mode, paging off, ebx = start info) to Rust
# in long mode.

# Tells the loader that there is a PVH entry, and where: XEN_ELFNOTE_PHYS32_ENTRY.
.section .note.Xen, "a", @note
    .balign 4
    .long 4                             # length of the name
    .long 8                             # length of the description
    .long 18                            # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start

.section .boot, "ax", @progbits
.code32
.global pvh_start
pvh_start:
    cli
    cld

    mov edi, offset __bss_start
    mov ecx, offset __bss_end
    sub ecx, edi
    shr ecx, 2
    xor eax, eax
    rep stosd

    # The page below the stack: not present, so an overflow faults.
    mov eax, offset __stack_guard
    shr eax, 12
    mov dword ptr [low_pages + eax * 8], 0

    mov eax, cr4
    or eax, 1 << 5                      # PAE
    mov cr4, eax
    mov eax, offset page_map
    mov cr3, eax
    mov ecx, 0xc0000080                 # EFER
    rdmsr
    or eax, 1 << 8                      # LME
    wrmsr
    mov eax, cr0
    or eax, 1 << 31                     # PG; with LME it switches long mode on
    mov cr0, eax

    lgdt [boot_gdt_pointer]
    mov esp, offset __stack_top
    push 8                              # the code segment
    mov eax, offset long_mode
    push eax
    retf

.code64
long_mode:
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov rsp, offset __stack_top
    xor ebp, ebp
    mov edi, ebx
    call {start}
    ud2

# Only for the far return above; `segments` loads the lasting table.
.section .rodata.boot, "a", @progbits
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff            # 64-bit code, ring 0
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .long boot_gdt

# The first 8 GiB, each address at itself, writable and executable. 2 MiB pages, write-back; 3 to 4
# GiB, where a PC keeps its device registers, uncached (emulation has no caches to get this wrong,
# hardware has). The first 2 MiB are 4 KiB pages: the stack's guard page is taken out above, and
# page 0, where the firmware leaves tables, when they have been read.
.section .data.paging, "aw", @progbits
    .balign 4096
page_map:
    .quad directory_pointers + 0x3      # present, writable
    .fill 511, 8, 0
directory_pointers:
    .set number, 0
    .rept 8
    .quad directories + number * 4096 + 0x3
    .set number, number + 1
    .endr
    .fill 504, 8, 0
directories:
    .quad low_pages + 0x3
    .set number, 1
    .rept 3 * 512 - 1
    .quad (number << 21) + 0x83         # 2 MiB page, present, writable
    .set number, number + 1
    .endr
    .rept 512
    .quad (number << 21) + 0x9b         # the same, uncached
    .set number, number + 1
    .endr
    .rept 4 * 512
    .quad (number << 21) + 0x83
    .set number, number + 1
    .endr
.global low_pages
low_pages:
    .set number, 0
    .rept 512
    .quad (number << 12) + 0x3
    .set number, number + 1
    .endr
.text
