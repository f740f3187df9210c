//! The edu device: its registers, its level-triggered interrupt line, its DMA.

use core::cell::UnsafeCell;

use board::{
    Board, alarm, counter,
    edu::{ADDRESS_LIMIT, Direction, Edu, Registers},
    idle::enable_and_sleep,
    interrupts::{self, Line},
    pci::BaseAddress,
};
use firmware::wide::AtomicU64;
use portable_atomic::{AtomicU32, Ordering::Relaxed};

use super::{settle, soon};

fn device(board: &'static Board) -> &'static Edu {
    board.edu.as_ref().expect("the tests here need it")
}

/// The device's interrupt status at its last interrupt.
static STATUS: AtomicU32 = AtomicU32::new(0);

fn quiet(line: Line) {
    let registers = device(board::board()).registers();
    let status = registers.interrupt_status();
    STATUS.store(status, Relaxed);
    registers.acknowledge(status);
    line.acknowledge();
}

crate::registry::test!(on_the_bus, needs Dma);
fn on_the_bus(board: &'static Board) {
    let bus = board.pci.expect("edu is on it");
    assert!(bus.functions().count() >= 3);
    let function = bus.find(0x1234, 0x11e8).expect("edu is on it");
    assert!(function.base_address(0).is_some());
    assert!(function.base_address(5).is_none());
    assert_eq!(function.line(), Some(device(board).line()));
    assert_eq!(bus.find(0x1234, 0x0000).map(|f| f.device), None);
}

crate::registry::test!(registers_read_back, needs Dma);
fn registers_read_back(board: &'static Board) {
    let registers = device(board).registers();
    assert_eq!(registers.identification(), 0x0100_00ed);
    for value in [0, 1, 0xdead_beef, u32::MAX] {
        registers.set_liveness(value);
        assert_eq!(registers.liveness(), !value);
    }
    assert_eq!(registers.interrupt_status(), 0);
    assert!(!registers.dma_is_running());
}

crate::registry::test!(factorial, needs Dma);
fn factorial(board: &'static Board) {
    let registers = device(board).registers();
    for (of, expected) in [(1, 1), (5, 120), (12, 479_001_600)] {
        registers.start_factorial(of);
        while registers.is_computing() {}
        assert_eq!(registers.factorial(), expected);
    }
}

crate::registry::test!(factorial_interrupts, needs Dma);
fn factorial_interrupts(board: &'static Board) {
    let edu = device(board);
    edu.line().set_handler(quiet);
    edu.line().enable();
    edu.registers().set_factorial_interrupt(true);
    edu.registers().start_factorial(6);
    while edu.line().taken() == 0 {}
    assert_eq!(edu.registers().factorial(), 720);
    assert_eq!(STATUS.load(Relaxed), Registers::FACTORIAL_DONE);
    assert_eq!(edu.registers().interrupt_status(), 0);
}

crate::registry::test!(raised_interrupts, needs Dma);
fn raised_interrupts(board: &'static Board) {
    let edu = device(board);
    edu.line().set_handler(quiet);
    edu.line().enable();
    for round in 1..=10 {
        edu.registers().raise(1 << round);
        soon("the interrupt has come", || edu.line().taken() == round);
        assert_eq!(edu.registers().interrupt_status(), 0);
    }
    settle();
    assert_eq!((edu.line().taken(), interrupts::taken()), (10, 10));
}

crate::registry::test!(level_comes_again, needs Dma);
fn level_comes_again(board: &'static Board) {
    /// Quiets the device only at the fifth interrupt.
    fn lazy(line: Line) {
        if line.taken() < 5 {
            line.acknowledge();
        } else {
            quiet(line);
        }
    }

    let edu = device(board);
    edu.line().set_handler(lazy);
    edu.line().enable();
    edu.registers().raise(1);
    soon("it is quiet", || edu.registers().interrupt_status() == 0);
    settle();
    assert_eq!(edu.line().taken(), 5);
}

crate::registry::test!(level_waits_while_disabled, needs Dma);
fn level_waits_while_disabled(board: &'static Board) {
    let edu = device(board);
    edu.line().set_handler(quiet);
    edu.registers().raise(1);
    settle();
    assert_eq!(edu.line().taken(), 0, "it was never enabled");
    edu.line().enable();
    soon("the interrupt has come", || edu.line().taken() == 1);

    edu.line().disable();
    edu.registers().raise(1);
    settle();
    assert_eq!(edu.line().taken(), 1, "it was disabled");
    edu.registers().acknowledge(1);
    edu.line().enable();
    settle();
    // A PLIC keeps a request that was withdrawn; the PC's controllers do not.
    let kept = u64::from(cfg!(target_arch = "riscv32"));
    assert_eq!(edu.line().taken(), 1 + kept, "no interrupt is requested any more");
}

/// Memory that is lent to the device; the test does not touch it during a transfer.
struct Buffer(UnsafeCell<[u8; 4095]>);

// SAFETY: each boot runs one test, on one core, and each access says why it is exclusive.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; 4095]));

crate::registry::test!(dma_there_and_back, needs Dma);
fn dma_there_and_back(board: &'static Board) {
    let edu = device(board);
    let registers = edu.registers();
    let address = BUFFER.0.get().addr() as u32;
    assert!(u64::from(address) + 4095 < ADDRESS_LIMIT);
    edu.line().set_handler(quiet);
    edu.line().enable();

    let transfer = |direction| {
        static ENDED: AtomicU64 = AtomicU64::new(0);
        ENDED.store(edu.line().taken() + 1, Relaxed);
        let start = counter::time();
        // SAFETY: only the device uses the buffer until the loop below is done.
        unsafe { registers.start_dma(direction, address, 4095, true) };
        assert!(registers.dma_is_running());
        interrupts::disable();
        while edu.line().taken() < ENDED.load(Relaxed) {
            enable_and_sleep();
            interrupts::disable();
        }
        interrupts::enable();
        assert!(!registers.dma_is_running());
        assert_eq!(STATUS.load(Relaxed), Registers::TRANSFER_DONE);
        let milliseconds = (counter::time() - start) / (counter::frequency() / 1000);
        assert!((99..=100).contains(&milliseconds), "{milliseconds} ms");
    };

    let fill = |byte: fn(usize) -> u8| {
        // SAFETY: no transfer is running.
        let buffer = unsafe { &mut *BUFFER.0.get() };
        for (i, to) in buffer.iter_mut().enumerate() {
            *to = byte(i);
        }
    };
    fill(|i| (i * 7 + i / 256) as u8);
    transfer(Direction::ToDevice);
    fill(|_| 0);
    transfer(Direction::ToMemory);
    // SAFETY: no transfer is running.
    let back = unsafe { &*BUFFER.0.get() };
    assert!(back.iter().enumerate().all(|(i, byte)| *byte == (i * 7 + i / 256) as u8));
    assert_eq!(edu.line().taken(), 2);
    assert_eq!(board::board().edu.as_ref().map(Edu::line), Some(edu.line()));
}

crate::registry::test!(no_safe_access_leads_a_transfer_astray, needs Dma);
/// An interrupt at each instruction of the start of a transfer, whose handler writes every register
/// that safe code can write: the bytes still reach their destination. The twin writes the
/// destination register, which safe code cannot: the bytes go elsewhere.
fn no_safe_access_leads_a_transfer_astray(board: &'static Board) {
    const BYTES: u32 = 16;
    const PLACES: u64 = 40;
    static ELSEWHERE: Buffer = Buffer(UnsafeCell::new([0; 4095]));
    /// The register that the twin writes; 0 for none.
    static DESTINATION: AtomicU64 = AtomicU64::new(0);

    fn meddle(line: Line) {
        let registers = device(board::board()).registers();
        registers.set_liveness(0x55);
        registers.set_factorial_interrupt(false);
        registers.acknowledge(Registers::FACTORIAL_DONE);
        let destination = DESTINATION.load(Relaxed);
        if destination != 0 {
            // SAFETY: this is the device's register; the address points the device to a buffer
            // that the test uses between two transfers only.
            unsafe {
                (destination as *mut u32).write_volatile(ELSEWHERE.0.get().addr() as u32);
            }
        }
        line.acknowledge();
    }

    let edu = device(board);
    edu.line().set_handler(quiet);
    edu.line().enable();
    Line::Timer.set_handler(meddle);
    Line::Timer.enable();
    let move_bytes = |direction, timer_in| {
        let taken = edu.line().taken() + 1;
        alarm::one_shot(timer_in);
        // SAFETY: only the device uses the buffer until the loop below is done.
        unsafe {
            edu.registers().start_dma(direction, BUFFER.0.get().addr() as u32, BYTES, true);
        }
        interrupts::disable();
        while edu.line().taken() < taken {
            enable_and_sleep();
            interrupts::disable();
        }
        interrupts::enable();
    };
    let first = |buffer: &Buffer| {
        // SAFETY: no transfer is running.
        unsafe { *buffer.0.get().cast::<[u8; BYTES as usize]>() }
    };
    let fill = |buffer: &Buffer, byte| {
        // SAFETY: no transfer is running.
        unsafe { (*buffer.0.get()).fill(byte) };
    };
    // How many transfers reached their destination, and how many went elsewhere.
    let moved = || {
        let mut came = [0, 0];
        for place in 2..2 + PLACES {
            fill(&BUFFER, 0);
            fill(&ELSEWHERE, 0);
            move_bytes(Direction::ToMemory, place);
            for (came, buffer) in came.iter_mut().zip([&BUFFER, &ELSEWHERE]) {
                *came += u64::from(first(buffer) == [0xa5; BYTES as usize]);
            }
        }
        came
    };

    fill(&BUFFER, 0xa5);
    move_bytes(Direction::ToDevice, u64::from(u32::MAX));
    assert_eq!(moved(), [PLACES, 0]);
    let Some(BaseAddress::Memory(base)) =
        board.pci.and_then(|bus| bus.find(0x1234, 0x11e8)?.base_address(0))
    else {
        panic!("edu is on the bus");
    };
    DESTINATION.store(base + 0x88, Relaxed);
    let [there, elsewhere] = moved();
    assert_eq!(there + elsewhere, PLACES);
    assert!(there > 0 && elsewhere > 0, "the places fall on both sides of the write: {elsewhere}");
}
