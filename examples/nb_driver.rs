//! A driver crate that knows only `nb`, awaited: `ads1x1x`, an analogue-to-digital converter on I2C.
//! Its `read` is one try, so it is an attempt as it stands; the chip's pin ALERT/RDY falls at the end
//! of a conversion, and the pin's handler is one line.

use std::{convert::Infallible, sync::Mutex, thread, time::Duration};

use ads1x1x::{Ads1x1x, TargetAddr, channel};
use embedded_hal::i2c::{ErrorType, I2c, Operation};
use wouldblock::{
    attempt,
    block::{self, ThreadPark},
    event::Event,
    nb,
    time::{self, StdClock},
};

/// The chip: a fake, since a host has none. Registers as in the ADS1115's data sheet (Texas
/// Instruments SBAS444), section "Register Map".
static CHIP: Mutex<Chip> =
    Mutex::new(Chip { pointer: 0, config: 0, converting: false, stuck: false, tries: 0 });

struct Chip {
    /// The register that the next read is of.
    pointer: u8,
    config: u16,
    converting: bool,
    /// Its conversions do not end.
    stuck: bool,
    /// Looks at the status, which is the highest bit of the configuration.
    tries: u32,
}

const CONVERSION: u8 = 0;
const CONFIG: u8 = 1;
/// Read: no conversion is running. Written: begin one.
const IDLE: u16 = 1 << 15;

/// The way to the chip.
struct Bus;

impl ErrorType for Bus {
    type Error = Infallible;
}

impl I2c for Bus {
    fn transaction(&mut self, _: u8, operations: &mut [Operation<'_>]) -> Result<(), Infallible> {
        let mut chip = CHIP.lock().unwrap();
        for operation in operations {
            match operation {
                Operation::Write([register, value @ ..]) => {
                    chip.pointer = *register;
                    if let (CONFIG, &[high, low]) = (*register, value) {
                        chip.config = u16::from_be_bytes([high, low]);
                        chip.converting |= chip.config & IDLE != 0;
                    }
                }
                Operation::Write(_) => {}
                Operation::Read(bytes) => {
                    let value = match chip.pointer {
                        CONVERSION => 1234,
                        CONFIG if chip.converting => chip.config & !IDLE,
                        _ => chip.config | IDLE,
                    };
                    chip.tries += u32::from(chip.pointer == CONFIG);
                    bytes.copy_from_slice(&value.to_be_bytes());
                }
            }
        }
        Ok(())
    }
}

static READY: Event = Event::new();

/// The handler of the pin ALERT/RDY.
fn on_ready_pin() {
    // Acknowledge the pin's interrupt, and then, the one line:
    READY.signal();
}

/// The chip's own time: a conversion ends a little after it has begun.
fn run_the_chip() {
    loop {
        thread::sleep(Duration::from_millis(10));
        let mut chip = CHIP.lock().unwrap();
        if chip.converting && !chip.stuck {
            chip.converting = false;
            drop(chip);
            on_ready_pin();
        }
    }
}

fn main() {
    thread::spawn(run_the_chip);
    let mut adc = Ads1x1x::new_ads1115(Bus, TargetAddr::default());
    let mut waiter = READY.waiter().expect("one waiter at a time");
    // The try is the driver's own method; its first one starts the conversion.
    let mut sample = attempt::from_fn(|| adc.read(channel::SingleA0));

    assert_eq!(pollster::block_on(waiter.operation(&mut sample)).unwrap(), 1234);
    let tries = CHIP.lock().unwrap().tries;
    assert!(tries <= 3, "two before the task is suspended, one when it is woken, not {tries}");
    println!("awaited            1234, in at most 3 tries");

    assert_eq!(waiter.operation(&mut sample).block(ThreadPark::new()).unwrap(), 1234);
    println!("blocked, asleep    1234");

    CHIP.lock().unwrap().stuck = true;
    let hold = Duration::from_millis(20);
    let stuck = waiter.operation(&mut sample).block_for(ThreadPark::new(), StdClock::new(), hold);
    assert!(matches!(stuck, Err(time::Error::TimedOut)));
    println!("blocked, bounded   timed out, and nothing is lost");

    CHIP.lock().unwrap().stuck = false;
    assert_eq!(block::block(&mut sample).unwrap(), 1234);
    println!("blocked, spinning  1234, of the same conversion");

    let mut once = waiter.operation(&mut sample);
    assert!(matches!(once.attempt(), Err(nb::Error::WouldBlock)));
    while CHIP.lock().unwrap().converting {
        thread::yield_now();
    }
    assert_eq!(once.attempt().unwrap(), 1234);
    println!("shown: an nb driver from crates.io, unchanged, in 5 forms");
}
