//! Devices that the board has no driver for, on interrupt lines of any number: the keyboard
//! controller (IRQ 1) and the real-time clock (IRQ 8, on the second 8259).

use core::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

use board::{
    Board,
    interrupts::{self, Controller, Line},
};
use x86_64::instructions::port::Port;

use crate::board::{settle, soon};

static HEARD: AtomicU64 = AtomicU64::new(0);

/// Reads an I/O port of one of the two devices.
fn read(port: u16) -> u8 {
    // SAFETY: these devices have no effect on memory.
    unsafe { Port::new(port).read() }
}

fn write(port: u16, value: u8) {
    // SAFETY: as above.
    unsafe { Port::new(port).write(value) }
}

const DATA: u16 = 0x60;
const COMMAND: u16 = 0x64;
/// Status bit: the keyboard controller has a byte.
const FULL: u8 = 1;

/// `microvm` has no keyboard controller: a read of a port without a device returns 0xff.
fn has_keyboard() -> bool {
    read(COMMAND) != 0xff
}

fn to_controller(command: u8, byte: u8) {
    write(COMMAND, command);
    soon("the controller is ready", || read(COMMAND) & 2 == 0);
    write(DATA, byte);
}

/// Empties the keyboard controller, and enables its interrupt.
fn prepare() {
    while read(COMMAND) & FULL != 0 {
        read(DATA);
    }
    to_controller(0x60, 0x05); // "Write the command byte": system flag, keyboard interrupt.
}

/// Makes the controller act as if a key had been struck, by its own command "write keyboard output
/// buffer".
fn strike(key: u8) {
    to_controller(0xd2, key);
}

fn on_key(line: Line) {
    HEARD.store(HEARD.load(Relaxed) << 8 | u64::from(read(DATA)), Relaxed);
    line.acknowledge();
}

crate::registry::test!(keys_interrupt);
fn keys_interrupt(_: &'static Board) {
    if !has_keyboard() {
        return;
    }
    let line = Line::irq(1).expect("the keyboard's");
    line.set_handler(on_key);
    prepare();
    strike(0x10);
    settle();
    assert_eq!(line.taken(), 0, "the line is not enabled");
    while read(COMMAND) & FULL != 0 {
        read(DATA);
    }
    // Interrupt controllers differ in whether they keep an edge of a disabled line; what the
    // device's register holds differs accordingly.
    line.enable();
    settle();
    let kept = line.taken();
    HEARD.store(0, Relaxed);
    for (count, key) in (1..).zip([0x1e, 0x30, 0x2e]) {
        strike(key);
        soon("the key has been received", || line.taken() == kept + count);
    }
    assert_eq!(HEARD.load(Relaxed), 0x1e_302e);
    line.disable();
    strike(0x20);
    settle();
    assert_eq!((line.taken(), interrupts::taken()), (kept + 3, kept + 3));
}

const CMOS_INDEX: u16 = 0x70;
const CMOS_DATA: u16 = 0x71;

fn cmos(register: u8) -> u8 {
    write(CMOS_INDEX, register);
    read(CMOS_DATA)
}

fn set_cmos(register: u8, value: u8) {
    write(CMOS_INDEX, register);
    write(CMOS_DATA, value);
}

crate::registry::test!(the_real_time_clock_interrupts);
fn the_real_time_clock_interrupts(_: &'static Board) {
    const PERIODIC: u8 = 0x40;

    fn on_period(line: Line) {
        // Reading the flags clears the interrupt; without that no other one would arrive.
        HEARD.fetch_add(u64::from(cmos(0x0c) & PERIODIC != 0), Relaxed);
        line.acknowledge();
    }

    let line = Line::irq(8).expect("the clock's");
    line.set_handler(on_period);
    cmos(0x0c);
    line.enable();
    set_cmos(0x0a, 0x26); // 1024 times a second,
    set_cmos(0x0b, cmos(0x0b) | PERIODIC); // by the host's clock, so their times are not exact.
    while HEARD.load(Relaxed) < 5 {
        core::hint::spin_loop();
    }
    board::interrupts::disable();
    set_cmos(0x0b, cmos(0x0b) & !PERIODIC);
    board::interrupts::enable();
    assert!(line.taken() >= 5 && line.taken() == interrupts::taken());
    assert_eq!(interrupts::spurious(), 0);
}

crate::registry::test!(lines_by_number);
fn lines_by_number(_: &'static Board) {
    assert_eq!([2, 16, 255].map(Line::irq), [None; 3]);
    assert_eq!([3, 4].map(Line::irq), [Some(Line::Com2), Some(Line::Com1)]);
    for irq in (0..16).filter(|irq| *irq != 2) {
        let line = Line::irq(irq).expect("a line");
        assert_eq!(matches!(line, Line::Pci(_)), [5, 9, 10, 11].contains(&irq), "{irq}");
        line.enable();
        line.disable();
    }
}

crate::registry::test!(a_spurious_interrupt_is_not_its_lines);
/// An 8259 delivers a spurious interrupt when a request has gone before it could tell which one it
/// was. That must not count as an interrupt of the device on the same line.
fn a_spurious_interrupt_is_not_its_lines(board: &'static Board) {
    fn on_any(line: Line) {
        HEARD.fetch_add(1, SeqCst);
        if board::board().controller == Controller::Apic {
            return; // Nothing is in service.
        }
        line.acknowledge();
    }

    for irq in [7, 15] {
        Line::irq(irq).expect("a line").set_handler(on_any);
    }
    // SAFETY: interrupts like any other to their handlers; neither 8259 has one in service.
    unsafe { core::arch::asm!("int 0x27", "int 0x2f") };
    let spurious = match board.controller {
        Controller::Pic => 2,
        Controller::Apic => 0, // There only a device uses these vectors.
    };
    assert_eq!((HEARD.load(SeqCst), interrupts::spurious()), (2 - spurious, spurious));
}
