//! Runs a function one machine instruction at a time and records every cache instruction, fence and
//! CPUID that it executes, with its operand. The trap comes before the instruction, and the
//! recorded instructions are skipped, except CPUID. So a CPU that lacks an instruction can show
//! what would be issued on a CPU that has it.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use nix::{
    libc::{self, c_int, c_void, siginfo_t, ucontext_t},
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
};

/// A cache instruction, a fence or a CPUID that was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    pub mnemonic: &'static str,
    /// The operand, if the instruction has one.
    pub address: Option<usize>,
}

pub const CPUID: &str = "cpuid";
const MNEMONICS: [&str; 12] = [
    "clflush",
    "clflushopt",
    "clwb",
    "sfence",
    "lfence",
    "mfence",
    "prefetchw",
    "cldemote",
    "clzero",
    "wbinvd",
    "wbnoinvd",
    CPUID,
];

const CAPACITY: usize = 1 << 14;
static COUNT: AtomicUsize = AtomicUsize::new(0);
static LOG: [[AtomicUsize; 2]; CAPACITY] = [const { [const { AtomicUsize::new(0) }; 2] }; CAPACITY];
/// Allows one trace at a time.
static TRACING: Mutex<()> = Mutex::new(());

/// The registers in the order in which instructions encode them.
const REGISTERS: [c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// The instructions that `run` executes, in order.
pub fn executed(run: impl FnOnce()) -> Vec<Executed> {
    let _one = TRACING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let action = SigAction::new(SigHandler::SigAction(on_trap), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler uses only atomics and the context that it gets.
    unsafe { sigaction(Signal::SIGTRAP, &action) }.expect("a handler");
    COUNT.store(0, Relaxed);
    // SAFETY: this sets the trap flag, whose traps the handler serves, and clears it again. The
    // stack does not change.
    unsafe {
        core::arch::asm!("pushfq", "or dword ptr [rsp], 0x100", "popfq");
        run();
        core::arch::asm!("pushfq", "and dword ptr [rsp], 0xfffffeff", "popfq");
    }
    let count = COUNT.load(Relaxed);
    assert!(count <= CAPACITY, "the log is full");
    LOG[..count]
        .iter()
        .map(|[code, address]| {
            let (code, address) = (code.load(Relaxed), address.load(Relaxed));
            Executed {
                mnemonic: MNEMONICS[code & 0xff],
                address: (code >> 8 == 1).then_some(address),
            }
        })
        .collect()
}

extern "C" fn on_trap(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes the context of the interrupted code.
    let registers = unsafe { &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs };
    let mut rip = registers[libc::REG_RIP as usize] as usize;
    // All that follow one another, because the instruction after a signal's return is executed
    // before the next trap.
    while let Some((mnemonic, operand, length)) = decode(|n| {
        // SAFETY: the instruction is about to be executed, and the decoder reads a byte of it only
        // if the bytes before say that there is one.
        unsafe { *((rip + n) as *const u8) }
    }) {
        let count = COUNT.fetch_add(1, Relaxed);
        if let Some([code, address]) = LOG.get(count) {
            code.store(mnemonic | usize::from(operand.is_some()) << 8, Relaxed);
            let value = operand.map_or(0, |number| registers[REGISTERS[number] as usize] as usize);
            address.store(value, Relaxed);
        }
        if MNEMONICS[mnemonic] == CPUID {
            break; // It is executed: the program needs its result.
        }
        rip += length;
    }
    registers[libc::REG_RIP as usize] = rip as i64;
}

/// The index of the mnemonic, the register that holds the address, and the length.
fn decode(byte: impl Fn(usize) -> u8) -> Option<(usize, Option<usize>, usize)> {
    let mut at = 0;
    let (operand_size, repeat) = (byte(at) == 0x66, byte(at) == 0xf3);
    at += usize::from(operand_size || repeat);
    let rex = if byte(at) & 0xf0 == 0x40 { byte(at) } else { 0 };
    at += usize::from(rex != 0);
    if byte(at) != 0x0f {
        return None;
    }
    let opcode = byte(at + 1);
    let of = |mnemonic| MNEMONICS.iter().position(|&known| known == mnemonic);
    match opcode {
        0x09 => return Some((of(if repeat { "wbnoinvd" } else { "wbinvd" })?, None, at + 2)),
        0xa2 => return Some((of(CPUID)?, None, at + 2)),
        0x01 | 0x0d | 0x1c | 0xae if !repeat => {}
        _ => return None,
    }
    let modrm = byte(at + 2);
    let (form, field, base) = (modrm >> 6, modrm >> 3 & 7, modrm & 7);
    if form == 3 {
        return match (opcode, modrm) {
            (0xae, 0xe8) => Some((of("lfence")?, None, at + 3)),
            (0xae, 0xf0) => Some((of("mfence")?, None, at + 3)),
            (0xae, 0xf8) => Some((of("sfence")?, None, at + 3)),
            (0x01, 0xfc) => Some((of("clzero")?, Some(0), at + 3)),
            _ => None,
        };
    }
    let mnemonic = match (opcode, field, operand_size) {
        (0xae, 7, false) => "clflush",
        (0xae, 7, true) => "clflushopt",
        (0xae, 6, true) => "clwb",
        (0x0d, 1, false) => "prefetchw",
        (0x1c, 0, false) => "cldemote",
        _ => return None,
    };
    // `[register]` is all that this library writes: with a SIB byte for rsp and r12, with a zero
    // displacement for rbp and r13.
    let sib = usize::from(base == 4);
    assert!(form == 0 && base != 5 || form == 1 && byte(at + 3 + sib) == 0);
    assert!(sib == 0 || byte(at + 3) == 0x24);
    let register = usize::from(base) | usize::from(rex & 1) << 3;
    Some((of(mnemonic)?, Some(register), at + 3 + sib + usize::from(form == 1)))
}
