//! Transactions in every form.

use core::{cell::RefCell, time::Duration};

use board::{
    Board,
    counter::{frequency, time},
    idle::Park,
    interrupts::{self, without_interrupts},
};
use drivers::spi::FLASH;
use embedded_hal::spi::Operation;
use firmware::task;
use wouldblock::block::Spin;

use super::{CLOCK, is_of_the_host, is_right, read_from};

/// How often the controller interrupts during `f`.
fn interrupts_of(f: impl FnOnce()) -> u64 {
    let before = FLASH.line().taken();
    f();
    FLASH.line().taken() - before
}

/// A command of four bytes, and 32 bytes that come back, of which eight fill the FIFO. In QEMU a frame takes
/// no time, so the interrupt comes as soon as it is armed.
fn every_form_reads_what_the_host_has_written(_: &'static Board) {
    let (mut bus, mut select) = FLASH.take().expect("the first");
    assert!(FLASH.take().is_none(), "there is one");
    let mut read = [0; 32];
    let command = read_from(0x123);
    let bus = RefCell::new((&mut bus, &mut select));
    let mut read_by = |form: &dyn Fn(&mut [Operation<'_, u8>])| {
        read = [0; 32];
        form(&mut [Operation::Write(&command), Operation::Read(&mut read)]);
        assert!(is_of_the_host(&read, 0x123), "{read:?}");
    };
    let asleep = interrupts_of(|| {
        read_by(&|operations| {
            let (bus, select) = &mut *bus.borrow_mut();
            assert_eq!(bus.transaction(*select, &CLOCK, operations).block(Park), Ok(()));
        });
    });
    let awaited = interrupts_of(|| {
        read_by(&|operations| {
            let (bus, select) = &mut *bus.borrow_mut();
            assert_eq!(task::block_on(bus.transaction(*select, &CLOCK, operations)), Ok(()));
        });
    });
    let tried = interrupts_of(|| {
        read_by(&|operations| {
            let (bus, select) = &mut *bus.borrow_mut();
            let mut transaction = bus.transaction(*select, &CLOCK, operations);
            assert!((0..5).all(|_| transaction.attempt() == Err(nb::Error::WouldBlock)));
            assert_eq!(transaction.attempt(), Ok(()));
        });
    });
    let masked = interrupts_of(|| {
        without_interrupts(|| {
            read_by(&|operations| {
                let (bus, select) = &mut *bus.borrow_mut();
                assert_eq!(bus.transaction(*select, &CLOCK, operations).block(Park), Ok(()));
            });
        });
        assert!(interrupts::are_enabled());
    });
    // A poll makes two tries. What was armed with interrupts masked, the PLIC keeps.
    assert_eq!([asleep, awaited, tried, masked], [5, 3, 0, 1]);
}
crate::registry::test!(every_form_reads_what_the_host_has_written);

fn the_chip_is_selected_over_all_operations(_: &'static Board) {
    let (mut bus, mut select) = FLASH.take().expect("the first");
    // The command in pieces; what comes back in pieces, and in each way.
    let [command, high, middle, low] = read_from(0x40);
    let (mut a, mut b, mut c, mut d) = ([0; 3], [0; 0], [0; 20], [0xee; 5]);
    let operations = &mut [
        Operation::Write(&[command]),
        Operation::Write(&[]),
        Operation::Write(&[high, middle, low]),
        Operation::Read(&mut a),
        Operation::Read(&mut b),
        Operation::Transfer(&mut c, &[1, 2, 3]),
        Operation::TransferInPlace(&mut d),
    ];
    assert_eq!(bus.transaction(&mut select, &CLOCK, operations).block(Park), Ok(()));
    assert!(is_of_the_host(&a, 0x40) && is_of_the_host(&c, 0x43) && is_of_the_host(&d, 0x57));
    // What follows in another transaction is another command, and no more of this one.
    let operations = &mut [Operation::Read(&mut c[..4])];
    assert_eq!(bus.transaction(&mut select, &CLOCK, operations).block(Park), Ok(()));
    assert!(!is_of_the_host(&c[..4], 0x5c));
    // More is sent than there is room for what comes back.
    let mut four = [0; 6];
    let operations = &mut [Operation::Transfer(&mut four, &[command, high, middle, low, 7, 8, 9])];
    assert_eq!(bus.transaction(&mut select, &CLOCK, operations).block(Park), Ok(()));
    assert!(is_of_the_host(&four[4..], 0x40));
    assert!(is_right(&mut bus, &mut select));
}
crate::registry::test!(the_chip_is_selected_over_all_operations);

fn what_has_no_words_ends(_: &'static Board) {
    let (mut bus, mut select) = FLASH.take().expect("the first");
    let none: [&mut [Operation<'_, u8>]; 3] =
        [&mut [], &mut [Operation::Read(&mut [])], &mut [Operation::Write(&[])]];
    for operations in none {
        assert_eq!(bus.transaction(&mut select, &CLOCK, operations).block(Spin), Ok(()));
        assert!(is_right(&mut bus, &mut select));
    }
}
crate::registry::test!(what_has_no_words_ends);

/// A delay is as long as it must be, and what follows it is part of the same command.
fn a_delay_is_inside_the_transaction(_: &'static Board) {
    const MICROSECONDS: u32 = 150;
    let (mut bus, mut select) = FLASH.take().expect("the first");
    let mut read = [0; 3];
    let command = read_from(0);
    let start = time();
    let operations = &mut [
        Operation::Write(&command),
        Operation::DelayNs(MICROSECONDS * 1000),
        Operation::Read(&mut read),
    ];
    assert_eq!(task::block_on(bus.transaction(&mut select, &CLOCK, operations)), Ok(()));
    let took = Duration::from_secs(1) * (time() - start) as u32 / frequency() as u32;
    assert!(took >= Duration::from_micros(MICROSECONDS.into()), "{took:?}");
    assert!(took < Duration::from_millis(1), "{took:?}");
    assert!(is_of_the_host(&read, 0));
}
crate::registry::test!(a_delay_is_inside_the_transaction);

/// On these controllers a word of 16 bits is two frames: the chip does not see the difference.
fn words_of_16_bits_are_the_same_bits(_: &'static Board) {
    let (mut bus, mut select) = FLASH.take().expect("the first");
    let [command, high, middle, low] = read_from(0x200);
    let command = [u16::from_be_bytes([command, high]), u16::from_be_bytes([middle, low])];
    for _ in 0..2 {
        let mut words = [0_u16; 21];
        let operations = &mut [Operation::Write(&command[..]), Operation::Read(&mut words)];
        assert_eq!(bus.transaction(&mut select, &CLOCK, operations).block(Park), Ok(()));
        let bytes = words.map(u16::to_be_bytes);
        assert!(is_of_the_host(bytes.as_flattened(), 0x200));
        // A command that is dropped in the middle of a word leaves nothing of it.
        let operations = &mut [Operation::Write(&command[..]), Operation::Read(&mut words)];
        let mut transaction = bus.transaction(&mut select, &CLOCK, operations);
        assert_eq!(transaction.attempt(), Err(nb::Error::WouldBlock));
        drop(transaction);
        assert!(is_right(&mut bus, &mut select));
    }
}
crate::registry::test!(words_of_16_bits_are_the_same_bits);
