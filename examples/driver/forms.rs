use std::{thread, time::Duration};

use wouldblock::{
    block::{Spin, ThreadPark},
    job::Slot,
    nb,
    time::{self, StdClock},
};

use super::{fake::Fake, keyboard::Keyboard, read::ReadCodes};

static DEVICE: Fake = Fake::new();
static KEYBOARD: Keyboard<&Fake> = Keyboard::new(&DEVICE);
static READ: Slot<ReadCodes<&Fake, 2>> = Slot::new();

/// The handler of IRQ 1.
fn on_irq_1() {
    // 1. Quiet the device: an edge is over by itself, and the byte stays for the try.
    let stepped = READ.on_interrupt();
    let news = KEYBOARD.on_interrupt();
    // 2. Acknowledge the interrupt (on a PC: write the end of interrupt, 0x20, to port 0x20).
    // 3. And only then wake:
    drop((stepped, news));
}

/// A key is pressed, and the interrupt controller does what it does.
fn press(code: u8) {
    DEVICE.press(code);
    interrupts();
}

fn interrupts() {
    while DEVICE.take_request() {
        on_irq_1();
    }
}

/// The driver in every form. Where the real interrupt controller calls `on_irq_1`, `press` does.
pub fn show() {
    let mut keys = KEYBOARD.keys().expect("one reader at a time");

    assert_eq!(keys.code().attempt(), Err(nb::Error::WouldBlock));
    press(0x1e);
    assert_eq!(keys.code().attempt(), Ok(0x1e));
    println!("one try             not yet, then a code");

    let hold = Duration::from_millis(20);
    let bounded = keys.code().block_for(ThreadPark::new(), StdClock::new(), hold);
    assert_eq!(bounded, Err(time::Error::TimedOut));
    println!("blocked, bounded    timed out, and nothing was lost");

    let typist = thread::spawn(|| press(0x30));
    assert_eq!(keys.code().block(ThreadPark::new()), Ok(0x30));
    typist.join().unwrap();
    println!("blocked, asleep     a code from another thread's interrupt");

    press(0x2e);
    assert_eq!(keys.code().block(Spin), Ok(0x2e));
    println!("blocked, spinning   a code");

    let typist = thread::spawn(|| press(0x20));
    assert_eq!(pollster::block_on(keys.code()), Ok(0x20));
    typist.join().unwrap();
    println!("awaited             a code");

    // In the background: the interrupt itself tries. A code that is there already counts.
    press(0x12);
    let job = READ.start(ReadCodes::new(keys)).expect("the slot is vacant");
    interrupts();
    press(0x21);
    let done = job.wait(Spin);
    assert_eq!((done.result, done.op.codes), (Ok(2), [0x12, 0x21]));
    println!("a job               two codes, and the keys come back");

    let callback = READ.start_with(ReadCodes::new(done.op.keys), |done| {
        assert_eq!((done.result, done.op.codes), (Ok(2), [0x22, 0x23]));
        println!("a callback          two codes, in the handler");
    });
    callback.expect("the slot is vacant");
    press(0x22);
    press(0x23);
    assert!(READ.is_idle());
}
