# What the IDT points at: 256 stubs of 16 bytes each. A stub makes every vector look the same (a
# zero where the processor pushes no error code, then the vector) and jumps to one of two common
# paths. Stack at the calls: the processor aligns it to 16 and pushes 5 words, the stub makes that
# 7, so an odd number of saved registers keeps it aligned.

.section .text.trampolines, "ax", @progbits
.balign 16
.global trampolines
trampolines:
.set vector, 0
.rept 256
    .balign 16
    .set pushed, (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17)
    .set pushed, pushed || (vector == 21) || (vector == 29) || (vector == 30)
    .if !pushed
    push 0
    .endif
    push offset vector
    .if vector < 32
    jmp exception_entry
    .else
    jmp interrupt_entry
    .endif
    .set vector, vector + 1
.endr

# Exceptions: every register, laid out as `exceptions::Frame`.
.balign 16
exception_entry:
    push r15
    push r14
    push r13
    push r12
    push r11
    push r10
    push r9
    push r8
    push rdi
    push rsi
    push rbp
    push rbx
    push rdx
    push rcx
    push rax
    mov rdi, rsp
    cld
    call {exception}
    pop rax
    pop rcx
    pop rdx
    pop rbx
    pop rbp
    pop rsi
    pop rdi
    pop r8
    pop r9
    pop r10
    pop r11
    pop r12
    pop r13
    pop r14
    pop r15
    add rsp, 16
    iretq

# Interrupts: only what a called function may change.
.balign 16
interrupt_entry:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    mov rdi, [rsp + 72]                 # vector
    mov rsi, [rsp + 88]                 # where it came
    cld
    call {interrupt}
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    iretq
.text
