//! Settings: what they write; that no waiter is lost when they change; and chips with quirks. For
//! each quirk, the twin is the driver without the setting for it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::AtomicU32,
};

use super::*;
use fakes::fake_16550::{Fifo, Odd};
use wouldblock::uart16550::{
    Config, DataBits, LineBusy, Parity, Quirks, Registers, StopBits, UnreachableRate,
};

const NORMAL: Config = Config::new(1);

fn odd(odd: Odd, quirks: Quirks) -> (Port, &'static Uart<Port>) {
    let chip = Fake16550::with(odd);
    (chip, leak(Uart::with_quirks(chip, quirks)))
}

#[test]
fn the_line_is_set_as_the_data_sheet_says() {
    let (chip, uart, ..) = port();
    for (config, line_control) in [
        (NORMAL, 0b11),
        (Config { data_bits: DataBits::Five, ..NORMAL }, 0b00),
        (Config { data_bits: DataBits::Six, stop_bits: StopBits::Two, ..NORMAL }, 0b101),
        (Config { data_bits: DataBits::Seven, parity: Parity::Even, ..NORMAL }, 0b1_1010),
        (Config { parity: Parity::Odd, ..NORMAL }, 0b1011),
        (Config { parity: Parity::Mark, ..NORMAL }, 0b10_1011),
        (Config { parity: Parity::Space, stop_bits: StopBits::Two, ..NORMAL }, 0b11_1111),
    ] {
        uart.configure(&config).unwrap();
        assert_eq!(chip.contents().line_control, line_control, "{config:?}");
        uart.set_break(true);
        assert_eq!(chip.contents().line_control, line_control | 1 << 6);
        uart.set_break(false);
        assert_eq!(chip.contents().line_control, line_control, "a break changes no setting");
    }
    uart.configure(&Config::new(0)).unwrap();
    assert_eq!(chip.contents().divisor, [1, 0]);
}

#[test]
fn a_rate_is_within_three_percent_or_the_nearest_one_is_named() {
    const PC: u32 = 1_843_200;
    for (baud, divisor) in
        [(115_200, 1), (57_600, 2), (56_000, 2), (9600, 12), (300, 384), (110, 1047), (2, 57_600)]
    {
        assert_eq!(Config::at(PC, baud), Ok(Config::new(divisor)), "{baud}");
    }
    // Exactly 3 % off is accepted, a little more is refused.
    assert_eq!(Config::at(16 * 103, 100), Ok(Config::new(1)));
    assert!(Config::at(16 * 103 + 1, 100).is_err());
    for (clock, baud, nearest, deviation) in [
        (PC, 100_000, 115_200, 152),
        (PC, 1_000_000, 115_200, 884),
        (PC, 1, 2, 757),
        (PC, 0, 2, u32::MAX),
        (0, 9600, 0, 1000),
        (u32::MAX, u32::MAX, 268_435_456, 937),
    ] {
        let error = Config::at(clock, baud).unwrap_err();
        assert_eq!(error, UnreachableRate { nearest, deviation }, "{clock} Hz, {baud} baud");
    }
    let text = Config::at(PC, 100_000).unwrap_err().to_string();
    assert_eq!(text, "the nearest rate is 115200 baud, 15.2 % off");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_other_divisor_is_nearer(clock in 0..100_000_000_u32, baud in 1..5_000_000_u32) {
        let off = |divisor: u32| {
            (f64::from(clock) / 16.0 / f64::from(divisor) - f64::from(baud)).abs() / f64::from(baud)
        };
        let best = (clock / 16 / baud).clamp(1, 65_534);
        let best = off(best).min(off(best + 1));
        match Config::at(clock, baud) {
            Ok(config) => {
                prop_assert!(off(config.divisor.into()) <= best + 1e-9 && best <= 0.03 + 1e-9);
            }
            Err(error) => {
                prop_assert!(best > 0.03 - 1e-9);
                prop_assert!((f64::from(error.deviation) / 1000.0 - best).abs() <= 0.001 + 1e-9);
            }
        }
    }
}

/// For each of four ways to wait: whether the interrupt still announces the end after `change`.
fn is_announced(change: fn(Port, &Uart<Port>)) -> [bool; 4] {
    let still = |cpu: &mut Cpu<_>, done: &dyn Fn() -> bool| {
        cpu.run(60);
        done()
    };
    let mut results = [false; 4];
    {
        let (chip, uart, mut receiver, _) = port();
        let (waker, wakes) = counting();
        let mut read = receiver.recv();
        assert!(poll(&mut read, &waker).is_pending());
        change(chip, uart);
        assert!(wakes.load(SeqCst) > 0, "the change wakes the task, which looks again");
        _ = poll(&mut read, &waker);
        let before = wakes.load(SeqCst);
        // The byte must be announced by the interrupt.
        chip.far_end_sends(b"x");
        results[0] = still(&mut cpu(chip, uart), &|| wakes.load(SeqCst) > before);
    }
    {
        // The write waits over the change: only the interrupt can wake it.
        let (chip, uart, mut receiver, mut transmitter) = port();
        chip.set_stuck(true);
        transmitter.write_all([0; 17]).attempt().unwrap_err();
        chip.tick();
        let mut write = transmitter.write_all([0; 32]);
        let (waker, wakes) = counting();
        assert!(poll(&mut write, &waker).is_pending());
        change(chip, uart);
        chip.set_stuck(false);
        _ = poll(&mut write, &waker);
        let before = wakes.load(SeqCst);
        results[1] = still(&mut cpu(chip, uart), &|| wakes.load(SeqCst) > before);
        drop(write);
        assert_eq!(receiver.try_recv(), Err(WouldBlock));
    }
    {
        static ENDS: AtomicU32 = AtomicU32::new(0);
        let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ENDS.store(0, SeqCst);
        let (chip, uart, receiver, transmitter) = port();
        let (reads, writes, mut cpu) = background(chip, uart);
        let count = |_| _ = ENDS.fetch_add(1, SeqCst);
        reads.start_with(receiver.into_read_exact(vec![0; 20]), count).unwrap();
        let count = |_| _ = ENDS.fetch_add(10, SeqCst);
        writes.start_with(transmitter.into_write_all(bytes(60)), count).unwrap();
        chip.far_end_sends(&bytes(5));
        cpu.run(5);
        change(chip, uart);
        chip.far_end_sends(&bytes(20));
        cpu.run(100);
        let ends = ENDS.load(SeqCst);
        (results[2], results[3]) = (ends % 10 == 1, ends / 10 == 1);
    }
    results
}

static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn what_waits_is_announced_after_a_change_of_settings() {
    assert_eq!(is_announced(|_, uart| uart.initialize(1, Level::Four)), [true; 4]);
    let other = |_: Port, uart: &Uart<Port>| {
        uart.configure(&Config { parity: Parity::Even, ..Config::new(12) }).unwrap();
    };
    assert_eq!(is_announced(other), [true; 4]);
}

/// The twin, which the driver was once: a change masks every interrupt.
#[test]
fn twin_a_change_that_masks_everything_is_caught() {
    let masks = |chip: Port, uart: &Uart<Port>| {
        uart.initialize(1, Level::Four);
        Registers::write(&chip, Register::InterruptEnable, 0);
    };
    let found = is_announced(masks);
    assert!(!found[2] && !found[3], "nothing looks again in the background: {found:?}");
}

#[test]
fn settings_do_not_change_what_is_enabled() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    uart.initialize(3, Level::One);
    assert_eq!(chip.contents().enabled, 0);
    chip.set_stuck(true);
    transmitter.write_all([0; 16]).attempt().unwrap();
    let mut read = receiver.recv();
    assert!(poll(&mut read, Waker::noop()).is_pending());
    uart.initialize(3, Level::One);
    assert_eq!(chip.contents().enabled, 0b01);
    drop(read);
    assert_eq!(chip.contents().enabled, 0);
}

/// A read of no bytes uses the transmitter's interrupt for its end, beside a write. Returns whether
/// it ends.
fn a_read_of_nothing_ends(interfere: fn(Port)) -> bool {
    static ENDS: AtomicU32 = AtomicU32::new(0);
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    ENDS.store(0, SeqCst);
    let (chip, uart, receiver, mut transmitter) = port();
    let (reads, _, mut cpu) = background(chip, uart);
    chip.set_stuck(true);
    let mut write = transmitter.write_all(bytes(40));
    assert!(poll(&mut write, Waker::noop()).is_pending());
    let ended = |_| _ = ENDS.fetch_add(1, SeqCst);
    reads.start_with(receiver.into_read_exact(vec![]), ended).unwrap();
    drop(write);
    interfere(chip);
    chip.set_stuck(false);
    cpu.run(60);
    let ended = ENDS.load(SeqCst) == 1;
    if ended {
        assert_eq!(chip.contents().enabled, 0, "nothing is left enabled");
    }
    ended
}

#[test]
fn each_half_takes_back_only_what_it_asked_for() {
    assert!(a_read_of_nothing_ends(|_| {}));
    // The reverse: the read ends, and the write still waits.
    let (chip, uart, receiver, mut transmitter) = port();
    let (reads, _, mut cpu) = background(chip, uart);
    chip.set_stuck(true);
    transmitter.write_all([0; 16]).attempt().unwrap();
    chip.tick();
    let (waker, wakes) = counting();
    let mut write = transmitter.write_all(bytes(40));
    assert!(poll(&mut write, &waker).is_pending());
    let mut job = reads.start(receiver.into_read_exact(vec![])).unwrap();
    assert_eq!(job.attempt().unwrap().result, Ok(0));
    assert_eq!(chip.contents().enabled, 0b10, "the write's interrupt stays enabled");
    chip.set_stuck(false);
    cpu.run(60);
    assert!(wakes.load(SeqCst) > 0);
}

#[test]
fn twin_a_dropped_write_that_masks_for_the_other_half_is_caught() {
    assert!(!a_read_of_nothing_ends(|chip| {
        Registers::write(&chip, Register::InterruptEnable, 0);
    }));
}

#[test]
fn halves_are_handed_out_one_at_a_time() {
    let (chip, uart) = odd(Odd::default(), Quirks::NONE);
    uart.initialize(1, Level::default());
    let receiver = uart.receiver().unwrap();
    assert!(uart.receiver().is_none() && uart.split().is_none());
    let mut transmitter = uart.transmitter().expect("the other half");
    assert!(uart.transmitter().is_none());
    drop(receiver);
    assert!(uart.split().is_none());
    let mut receiver = uart.receiver().expect("it can be handed out again");
    uart.set_loopback(true);
    assert_eq!(transmitter.try_send(7), Ok(()));
    cpu(chip, uart).run(2);
    assert_eq!(receiver.try_recv(), Ok(7));
}

/// Whether all forms work over an odd chip. The fake panics at misuse.
fn works(odd: Odd, quirks: Quirks) -> bool {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let end = catch_unwind(AssertUnwindSafe(|| everything(odd, quirks)));
    std::panic::set_hook(hook);
    end.is_ok()
}

fn everything(kind: Odd, quirks: Quirks) {
    let (chip, uart) = odd(kind, quirks);
    assert!(!uart.has_fifo());
    uart.configure(&Config::new(1)).unwrap();
    assert_eq!(uart.has_fifo(), kind.fifo == Fifo::Works);
    let (mut receiver, mut transmitter) = uart.split().unwrap();
    let (reads, writes, mut cpu) = background(chip, uart);
    let all = bytes(100);
    for round in 0..3 {
        if round == 2 {
            cpu.run(2);
            uart.configure(&Config { parity: Parity::Even, ..Config::new(2) }).unwrap();
            assert_eq!(chip.contents().divisor, [2, 0]);
        }
        let mut buffer = [0; 100];
        chip.far_end_sends(&all);
        assert_eq!(receiver.read_exact(&mut buffer).block(&mut cpu), Ok(100));
        assert_eq!(buffer, *all);
        assert_eq!(transmitter.write_all(&all).block(&mut cpu), Ok(100));
        chip.far_end_sends(&all);
        assert_eq!(run(&mut cpu, receiver.read_exact(&mut buffer)), Ok(100));
        assert_eq!(run(&mut cpu, transmitter.write_all(&all)), Ok(100));
        for &byte in &all[..5] {
            assert_eq!(run(&mut cpu, transmitter.send(byte)), Ok(1));
            assert!(run(&mut cpu, transmitter.write(&[byte])).is_ok());
        }
        cpu.run(20);
        let sent = [&all[..], &all, &all[..5].iter().flat_map(|&b| [b, b]).collect::<Vec<_>>()];
        assert_eq!(chip.far_end_received(), sent.concat());
        // In the background, moved by the handler alone.
        for count in [1, 2, 16, 17, 100] {
            chip.far_end_sends(&all[..count]);
            let read = reads.start(receiver.into_read_exact(vec![0; count])).unwrap();
            cpu.run(150);
            assert_eq!(chip.contents().enabled, 0, "the handler has read {count} bytes");
            let write = writes.start(transmitter.into_write_all(all[..count].to_vec())).unwrap();
            cpu.run(150);
            assert_eq!(chip.contents().enabled, 0, "the handler has written {count} bytes");
            let (read, write) = (read.wait(&mut cpu), write.wait(&mut cpu));
            assert_eq!((read.result, write.result), (Ok(count), Ok(count)));
            assert_eq!(chip.far_end_received(), all[..count]);
            (receiver, _) = read.op.into_parts();
            (transmitter, _) = write.op.into_parts();
        }
        // A reader that waits for a long time causes no interrupts.
        let edges = chip.edges();
        let mut read = receiver.recv();
        for _ in 0..200 {
            _ = poll(&mut read, Waker::noop());
            cpu.run(1);
        }
        assert!(chip.edges() - edges <= 2, "a storm of interrupts");
        assert_eq!(chip.lost(), 0);
    }
}

#[test]
fn chips_without_a_fifo_are_found_and_served() {
    for fifo in [Fifo::Works, Fifo::Absent, Fifo::Broken] {
        everything(Odd { fifo, ..Odd::default() }, Quirks::NONE);
    }
    // Such a chip cannot tell where a message ends: the read ends with the bytes that have come.
    let (chip, uart) = odd(Odd { fifo: Fifo::Absent, ..Odd::default() }, Quirks::NONE);
    uart.initialize(1, Level::Fourteen);
    let mut receiver = uart.receiver().unwrap();
    let mut cpu = cpu(chip, uart);
    chip.far_end_sends(b"a");
    assert_eq!(receiver.read_to_idle([0; 8]).block(&mut cpu), Ok(1));
}

#[test]
fn each_quirk_is_served_behind_its_setting_and_caught_without() {
    for (odd, quirks) in [
        (
            Odd { empty_timeout: true, ..Odd::default() },
            Quirks { empty_timeout: true, ..Quirks::NONE },
        ),
        (
            Odd { silent_enable: true, ..Odd::default() },
            Quirks { silent_enable: true, ..Quirks::NONE },
        ),
        (Odd { busy: true, ..Odd::default() }, Quirks { busy: true, ..Quirks::NONE }),
        (
            Odd { silent_enable: true, fifo: Fifo::Absent, ..Odd::default() },
            Quirks { silent_enable: true, ..Quirks::NONE },
        ),
        (Odd { empty_timeout: true, busy: true, ..Odd::default() }, Quirks::DESIGNWARE),
    ] {
        everything(odd, quirks);
        if !odd.busy {
            assert!(!works(odd, Quirks::NONE), "{odd:?} is not caught");
        }
    }
    // The settings also work with a chip that has no quirk.
    everything(Odd::default(), Quirks { silent_enable: true, empty_timeout: true, busy: false });
}

/// Whether new settings take effect while bytes move in both directions, when the chip refuses
/// them.
fn is_set_while_busy(quirks: Quirks) -> bool {
    let (chip, uart) = odd(Odd { busy: true, ..Odd::default() }, quirks);
    uart.initialize(1, Level::default());
    let mut transmitter = uart.transmitter().unwrap();
    assert_eq!(transmitter.write_all([0; 16]).attempt(), Ok(16));
    chip.far_end_sends(&bytes(12));
    cpu(chip, uart).run(3);
    let even = Config { parity: Parity::Even, ..Config::new(9) };
    let set = uart.configure(&even).is_ok();
    assert!(set || quirks.busy, "only a driver that knows the quirk can report it");
    // The handler quiets the interrupt of the refusal.
    while chip.deliver(&mut || drop(uart.on_interrupt())) {}
    let edges = chip.edges();
    let mut receiver = uart.receiver().unwrap();
    let mut cpu = cpu(chip, uart);
    chip.far_end_sends(b"x");
    cpu.run(80);
    let mut buffer = [0; 1];
    let read = set && receiver.read(&mut buffer).attempt().is_ok() && chip.edges() == edges;
    read && chip.contents().line_control == 0b1_1011 && chip.contents().divisor == [9, 0]
}

#[test]
fn settings_that_a_busy_line_refuses_are_tried_again() {
    assert!(is_set_while_busy(Quirks::DESIGNWARE));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let without = catch_unwind(|| is_set_while_busy(Quirks::NONE));
    std::panic::set_hook(hook);
    assert!(!without.unwrap_or(false), "the twin without the setting is not caught");

    // A line that stays busy is an error.
    let (chip, uart) = odd(Odd { busy: true, ..Odd::default() }, Quirks::DESIGNWARE);
    uart.initialize(1, Level::default());
    chip.set_stuck(true);
    assert_eq!(uart.transmitter().unwrap().try_send(1), Ok(()));
    chip.tick();
    assert_eq!(uart.configure(&NORMAL), Err(LineBusy));
}
