# The entry from the loader (PVH: 32-bit protected mode, paging off) to C in long mode, and the
# entries from an exception to C and back.

.intel_syntax noprefix

# Gives the loader the address of the PVH entry: XEN_ELFNOTE_PHYS32_ENTRY.
.section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18
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

    # Maps the first GiB to itself, in pages of 2 MiB (0x83: present, writable, large).
    mov dword ptr [page_map], offset directory_pointers + 3
    mov dword ptr [directory_pointers], offset directory + 3
    mov edi, offset directory
    mov eax, 0x83
1:  mov [edi], eax
    add eax, 2 << 20
    add edi, 8
    cmp eax, 0x40000083
    jne 1b

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
    or eax, 1 << 31                     # PG; together with LME it enables long mode
    mov cr0, eax

    lgdt [gdt_pointer]
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
    mov rsp, offset __stack_top
    xor ebp, ebp
    call firmware
    ud2

# One entry for each exception, 16 bytes apart. It pushes 0 if the CPU pushes no error code, then
# the vector.
.text
    .balign 16
.global exception_entries
exception_entries:
.set vector, 0
.rept 32
    .balign 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
    .else
    push 0
    .endif
    push vector
    jmp save
    .set vector, vector + 1
.endr

# Builds `struct frame`: the registers in the order of their numbers, without rsp.
save:
    .irp register, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
    push \register
    .endr
    mov rdi, rsp
    mov rbp, rsp
    and rsp, -16
    call exception
    mov rsp, rbp
    .irp register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    pop \register
    .endr
    add rsp, 16
    iretq

.section .rodata
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9a000000ffff            # 64-bit code, ring 0
gdt_pointer:
    .word . - gdt - 1
    .long gdt

.bss
    .balign 4096
page_map:           .skip 4096
directory_pointers: .skip 4096
directory:          .skip 4096

.section .note.GNU-stack, "", @progbits
