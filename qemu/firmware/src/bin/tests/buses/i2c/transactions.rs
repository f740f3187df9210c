//! Transactions in every form.

use board::{
    Board,
    i2c::I2C,
    idle::Park,
    interrupts::{self, without_interrupts},
};
use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource, Operation};
use firmware::task;
use wouldblock::{
    block::Spin,
    i2c::{Address, Error},
};

use super::{ABSENT, COLD, EEPROM, FREEZER, KEPT, PLACE, THERMOMETER, WARM, is_right, keep};

/// How often the controller interrupts during `f`.
fn interrupts_of(f: impl FnOnce()) -> u64 {
    let before = I2C.line().taken();
    f();
    I2C.line().taken() - before
}

/// A register read: two STARTs, three bytes and a STOP. The first try sees that its START has ended, since in
/// QEMU a command takes no time; of the others, an interrupt announces each.
fn every_form_reads_what_the_host_has_set(_: &'static Board) {
    let mut bus = drivers::i2c::take().expect("the first");
    assert!(drivers::i2c::take().is_none(), "there is one");
    let mut two = [0; 2];
    for (address, says) in [(THERMOMETER, WARM), (FREEZER, COLD)] {
        let mut read = |form: &dyn Fn(&mut [Operation<'_>])| {
            two = [0; 2];
            form(&mut [Operation::Write(&[0]), Operation::Read(&mut two)]);
            assert_eq!(two, says);
        };
        let bus = core::cell::RefCell::new(&mut bus);
        let asleep = interrupts_of(|| {
            read(&|operations| {
                let mut bus = bus.borrow_mut();
                assert_eq!(bus.transaction(address, operations).block(Park), Ok(()));
            });
        });
        assert_eq!(asleep, 5);
        let awaited = interrupts_of(|| {
            read(&|operations| {
                let mut bus = bus.borrow_mut();
                assert_eq!(task::block_on(bus.transaction(address, operations)), Ok(()));
            });
        });
        assert_eq!(awaited, 3, "a poll makes two tries");
        let tried = interrupts_of(|| {
            read(&|operations| {
                let mut bus = bus.borrow_mut();
                let mut transaction = bus.transaction(address, operations);
                assert!((0..5).all(|_| transaction.attempt() == Err(nb::Error::WouldBlock)));
                assert_eq!(transaction.attempt(), Ok(()));
            });
        });
        assert_eq!(tried, 0, "nothing was armed");
    }
    let masked = interrupts_of(|| {
        without_interrupts(|| {
            for _ in 0..2 {
                let operations = &mut [Operation::Write(&[0]), Operation::Read(&mut two)];
                assert_eq!(bus.transaction(THERMOMETER, operations).block(Park), Ok(()));
                assert_eq!(two, WARM);
            }
        });
        assert!(interrupts::are_enabled());
    });
    assert_eq!(masked, 0);
}
crate::registry::test!(every_form_reads_what_the_host_has_set);

fn bad_input_is_an_error_and_the_next_transaction_works(_: &'static Board) {
    let mut bus = drivers::i2c::take().expect("the first");
    keep(&mut bus);
    let refused = |source| Err(Error::Bus(ErrorKind::NoAcknowledge(source)));
    let mut end = |address: Address, operations: &mut [Operation<'_>], expected| {
        assert_eq!(bus.transaction(address, operations).block(Park), expected, "{address:?}");
        assert_eq!(bus.transaction(address, operations).block(Spin).is_ok(), expected.is_ok());
        assert!(is_right(&mut bus), "after {address:?}");
    };
    let (mut one, absent) = ([0], ABSENT.into());
    end(absent, &mut [Operation::Write(&[0])], refused(NoAcknowledgeSource::Address));
    end(absent, &mut [Operation::Read(&mut one)], refused(NoAcknowledgeSource::Address));
    // Writes of no bytes ask whether a target is there.
    end(absent, &mut [Operation::Write(&[])], refused(NoAcknowledgeSource::Address));
    end(THERMOMETER.into(), &mut [Operation::Write(&[])], Ok(()));
    // Nothing to do.
    end(absent, &mut [], Ok(()));
    end(absent, &mut [Operation::Read(&mut [])], Ok(()));
    // Addresses that are none, and one that this controller does not have.
    end(0x80_u8.into(), &mut [Operation::Write(&[0])], Err(Error::AddressOutOfRange));
    end(0x400_u16.into(), &mut [Operation::Write(&[0])], Err(Error::AddressOutOfRange));
    end(0x121_u16.into(), &mut [Operation::Write(&[0])], Err(Error::Bus(ErrorKind::Other)));
}
crate::registry::test!(bad_input_is_an_error_and_the_next_transaction_works);

fn adjacent_operations_are_one_run(_: &'static Board) {
    let mut bus = drivers::i2c::take().expect("the first");
    keep(&mut bus);
    // The address of the memory in two pieces; what it says in three.
    let (mut a, mut b, mut c) = ([0; 1], [0; 0], [0; 3]);
    let operations = &mut [
        Operation::Write(&PLACE[..1]),
        Operation::Write(&[]),
        Operation::Write(&PLACE[1..]),
        Operation::Read(&mut a),
        Operation::Read(&mut b),
        Operation::Read(&mut c),
    ];
    assert_eq!(bus.transaction(EEPROM, operations).block(Park), Ok(()));
    assert_eq!((a[0], c), (KEPT[0], [KEPT[1], KEPT[2], KEPT[3]]));
}
crate::registry::test!(adjacent_operations_are_one_run);
