//! Exceptions that a program expects and handles.

use core::{
    arch::asm,
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use board::{
    Board,
    exceptions::{self, Exception, Frame},
};
use critical_section::Mutex;

static TAKEN: AtomicU64 = AtomicU64::new(0);
static ADDRESS: AtomicU64 = AtomicU64::new(0);

const UD2: [u8; 2] = [0x0f, 0x0b];

fn skip_ud2(frame: &mut Frame) -> bool {
    if !frame.instruction().starts_with(&UD2) {
        return false;
    }
    TAKEN.fetch_add(1, Relaxed);
    ADDRESS.store(frame.rip(), Relaxed);
    // SAFETY: this is the length of `ud2`, which the tests execute only for its exception.
    unsafe { frame.skip(UD2.len() as u64) };
    true
}

crate::registry::test!(invalid_opcode_is_skipped);
fn invalid_opcode_is_skipped(_: &'static Board) {
    // SAFETY: the handler uses atomics and its frame only.
    unsafe { exceptions::set_handler(Exception::InvalidOpcode, skip_ud2) };
    for round in 1..=3 {
        let here: u64;
        // SAFETY: `skip_ud2` continues after the instruction, with all registers unchanged.
        unsafe { asm!("lea {here}, [rip + 2f]", "2: ud2", here = out(reg) here) };
        assert_eq!(TAKEN.load(Relaxed), round);
        assert_eq!(ADDRESS.load(Relaxed), here);
    }
}

crate::registry::test!(registers_survive);
fn registers_survive(_: &'static Board) {
    fn look(frame: &mut Frame) -> bool {
        let as_set = (0..16)
            .filter(|&number| ![3, 4, 5].contains(&number))
            .all(|number| frame.register(number) == 0x1000 + number as u64);
        let stack = frame.register(4);
        let local = (&raw const as_set).addr() as u64;
        as_set && (local..local + 4096).contains(&stack) && skip_ud2(frame)
    }

    // SAFETY: the handler uses atomics and its frame only.
    unsafe { exceptions::set_handler(Exception::InvalidOpcode, look) };
    let [mut a, mut c, mut d, mut si, mut di] = [0x1000_u64, 0x1001, 0x1002, 0x1006, 0x1007];
    let mut high = [0x1008_u64, 0x1009, 0x100a, 0x100b, 0x100c, 0x100d, 0x100e, 0x100f];
    let [r8, r9, r10, r11, r12, r13, r14, r15] = &mut high;
    // SAFETY: `skip_ud2` continues after the instruction; if the registers do not have the values
    // that `look` expects, the run ends.
    unsafe {
        asm!(
            "ud2",
            inout("rax") a, inout("rcx") c, inout("rdx") d, inout("rsi") si, inout("rdi") di,
            inout("r8") *r8, inout("r9") *r9, inout("r10") *r10, inout("r11") *r11,
            inout("r12") *r12, inout("r13") *r13, inout("r14") *r14, inout("r15") *r15,
        );
    }
    assert_eq!([a, c, d, si, di], [0x1000, 0x1001, 0x1002, 0x1006, 0x1007]);
    assert_eq!(high, [0x1008, 0x1009, 0x100a, 0x100b, 0x100c, 0x100d, 0x100e, 0x100f]);
    assert_eq!(TAKEN.load(Relaxed), 1);
}

crate::registry::test!(breakpoint);
fn breakpoint(_: &'static Board) {
    fn count(frame: &mut Frame) -> bool {
        TAKEN.fetch_add(1, Relaxed);
        frame.error_code() == 0
    }

    // SAFETY: the handler uses atomics and its frame only.
    unsafe { exceptions::set_handler(Exception::Breakpoint, count) };
    x86_64::instructions::interrupts::int3();
    x86_64::instructions::interrupts::int3();
    assert_eq!(TAKEN.load(Relaxed), 2);
}

/// Why installing a handler is `unsafe`: a critical section holds back interrupts, but no
/// exceptions. A handler that breaks the contract would enter a critical section inside another
/// one. The `RefCell`, which counts its borrows, shows that it would find the data borrowed.
fn an_exception_strikes_inside_a_critical_section(_: &'static Board) {
    static SHARED: Mutex<RefCell<u64>> = Mutex::new(RefCell::new(0));
    static BORROWED: AtomicU64 = AtomicU64::new(0);

    fn look(_: &mut Frame) -> bool {
        TAKEN.fetch_add(1, Relaxed);
        let borrowed =
            critical_section::with(|section| SHARED.borrow(section).try_borrow().is_err());
        BORROWED.fetch_add(borrowed.into(), Relaxed);
        true
    }

    // SAFETY: the cell refuses a second borrow, so no data is used twice at a time.
    unsafe { exceptions::set_handler(Exception::Breakpoint, look) };
    let strike = || {
        // SAFETY: the handler returns, and without `nomem` the compiler assumes that memory
        // changes here.
        unsafe { asm!("int3") };
    };
    critical_section::with(|section| {
        let mut shared = SHARED.borrow_ref_mut(section);
        strike();
        *shared += 1;
    });
    assert_eq!((TAKEN.load(Relaxed), BORROWED.load(Relaxed)), (1, 1));
    // The twin: outside a section nothing is borrowed. An interrupt would be held back until the
    // section ends, so this is all that its handler could see.
    strike();
    assert_eq!((TAKEN.load(Relaxed), BORROWED.load(Relaxed)), (2, 1));
    exceptions::remove_handler(Exception::Breakpoint);
}
crate::registry::test!(an_exception_strikes_inside_a_critical_section);
