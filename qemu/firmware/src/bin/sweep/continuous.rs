//! Paths of continuous receive: the chip's interrupt fills the ring, also while no read waits.

use board::{
    idle::{Park, sleep},
    serial::Serial,
};
use firmware::task::block_on;
use static_cell::ConstStaticCell;
use wouldblock::{sync::Mutex, uart16550::ContinuousReceiver};

use crate::{
    placement::{Path, insist, waits},
    uart,
};

pub const PATHS: &[Path] = &[
    Path::new("uart continuous", uart::reset, uart::put, read),
    Path::new("uart continuous, awaited", uart::reset, uart::put, read_awaited),
    Path::new("uart continuous, a ring of one", uart::reset, uart::put, read_of_one),
];

pub const TWINS: &[Path] =
    &[Path::new("uart continuous: looks, then sleeps", uart::reset, uart::put, look_and_sleep)];

static MEMORY: ConstStaticCell<[u16; 8]> = ConstStaticCell::new([0; 8]);
/// The memory of the ring, while no path uses it.
static RING: Mutex<Option<&'static mut [u16]>> = Mutex::new(None);

pub fn install() {
    back(MEMORY.take());
}

fn back(memory: &'static mut [u16]) {
    *RING.try_lock().expect("the foreground's own") = Some(memory);
}

/// Makes the waits of a path, each for one byte.
fn bytes(mut wait: impl FnMut(&mut ContinuousReceiver<'_, Serial>) -> u8) {
    let ring = RING.try_lock().expect("the foreground's own").take().expect("it came back");
    let mut receiver = uart::receiver().into_continuous(ring);
    waits(|| insist(wait(&mut receiver) == uart::BYTE));
    back(receiver.into_parts().1);
}

fn read() {
    bytes(|receiver| {
        let mut buffer = [0];
        assert_eq!(receiver.read(&mut buffer).block(Park), Ok(1));
        buffer[0]
    });
}

fn read_awaited() {
    bytes(|receiver| {
        let mut buffer = [0];
        assert_eq!(block_on(receiver.read(&mut buffer)), Ok(1));
        buffer[0]
    });
}

/// One byte fills this ring, so each read has to enable the chip's interrupt again.
fn read_of_one() {
    static MEMORY: ConstStaticCell<[u16; 1]> = ConstStaticCell::new([0]);
    static ONE: Mutex<Option<&'static mut [u16]>> = Mutex::new(None);

    let ring = ONE.try_lock().expect("the foreground's own").take();
    let ring = ring.unwrap_or_else(|| MEMORY.take());
    let mut receiver = uart::receiver().into_continuous(ring);
    waits(|| {
        let mut buffer = [0];
        assert_eq!(receiver.read(&mut buffer).block(Park), Ok(1));
        insist(buffer == [uart::BYTE]);
    });
    *ONE.try_lock().expect("the foreground's own") = Some(receiver.into_parts().1);
}

/// Mistake: does not check again, with interrupts masked, whether a byte has arrived since the try.
fn look_and_sleep() {
    bytes(|receiver| {
        let mut buffer = [0];
        while receiver.read(&mut buffer).attempt().is_err() {
            sleep();
        }
        buffer[0]
    });
}
