# To Rust in long mode: the first core from the firmware's last jump (PVH: 32-bit protected mode,
# paging off, ebx = start info), the second one from its reset (real mode).

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

    # The pages below the stacks: not present, so an overflow faults.
    mov eax, offset __stack_guard
    shr eax, 12
    mov dword ptr [low_pages + eax * 8], 0
    mov eax, offset __second_stack_guard
    shr eax, 12
    mov dword ptr [low_pages + eax * 8], 0

    mov esp, offset __stack_top
    mov ebp, offset {first}

# With paging off, segments flat, esp = the stack, ebp = what to call there with ebx.
to_long_mode:
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
    mov esp, esp                        # The upper halves have been undefined since the switch.
    mov eax, ebp
    xor ebp, ebp
    mov edi, ebx
    call rax
    ud2

# What the second core does first; `cores` copies it to the page below 1 MiB where a reset core can
# begin. Real mode: cs is that page, nothing else is known. The two instructions that LLVM does not
# write in this mode are given as bytes.
.code16
.global second_core
second_core:
    cli
    cld
    .byte 0x66, 0x2e, 0x0f, 0x01, 0x16  # lgdt cs:[...], with all 32 bits of the base
    .word second_gdt_pointer - second_core
    mov eax, cr0
    and eax, 0x9fffffff                 # CD and NW, which a reset sets: the caches on
    or eax, 1                           # PE
    mov cr0, eax
    .byte 0x66, 0xea                    # jmp 0x10:second_protected, with all 32 bits
    .long second_protected
    .word 0x10
    .balign 4
second_gdt_pointer:
    .word boot_gdt_pointer - boot_gdt - 1
    .long boot_gdt
.global second_core_end
second_core_end:

.code32
second_protected:
    mov eax, 0x18
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, offset __second_stack_top
    mov ebp, offset {second}
    jmp to_long_mode

# Only until `segments` loads the lasting table.
.section .rodata.boot, "a", @progbits
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff            # 64-bit code, ring 0
    .quad 0x00cf9a000000ffff            # 32-bit code, all 4 GiB
    .quad 0x00cf92000000ffff            # data, all 4 GiB
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .long boot_gdt

# The first 8 GiB, each address at itself, writable and executable. 2 MiB pages, write-back; 3 to 4
# GiB, where a PC keeps its device registers, uncached (emulation has no caches to get this wrong,
# hardware has). The first 2 MiB are 4 KiB pages: the stacks' guard pages are taken out above, and
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
# What else is assembled in this unit is for long mode: with one codegen unit, all of it.
.code64
