//! SPI on emulated controllers, with a flash chip and a card into which the host has put something.

mod card;
mod drivers;
mod given_up;
mod shared;
mod stuck;
mod transactions;

use core::time::Duration;

use ::board::{
    alarm,
    counter::{BoardClock, clock},
};
use embedded_hal::{digital::OutputPin, spi::Operation};
use firmware::report::spi::FLASH;
use wouldblock::spi::{Bus, Words};

/// The flash chip's command to read from an address of three bytes.
const READ: u8 = 0x03;

/// A time in which any transaction ends.
const LONG: Duration = Duration::from_millis(40);

/// The clock of the delays.
const CLOCK: BoardClock = clock();

/// The command that reads from this address.
const fn read_from(address: u32) -> [u8; 4] {
    let [_, high, middle, low] = address.to_be_bytes();
    [READ, high, middle, low]
}

/// Whether these bytes are what the host has put into the flash at this address.
fn is_of_the_host(bytes: &[u8], address: u32) -> bool {
    bytes.iter().copied().eq(FLASH.iter().skip(address as usize).take(bytes.len()))
}

/// Whether two places of the flash are read in time, and hold what they must. A bus that is stuck is reset.
fn is_right<C: Words<u8>>(bus: &mut Bus<'_, C>, select: &mut impl OutputPin) -> bool {
    [0x20_u32, 0x1003].into_iter().all(|address| {
        let mut read = [0; 11];
        let command = read_from(address);
        let operations = &mut [Operation::Write(&command), Operation::Read(&mut read)];
        let mut transaction = bus.transaction(select, &CLOCK, operations);
        let ended = transaction.block_for(alarm::park_until(), clock(), LONG).is_ok();
        match ended {
            true => drop(transaction),
            false => transaction.into_inner().reset(),
        }
        ended && is_of_the_host(&read, address)
    })
}
