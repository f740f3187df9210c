//! One bus, several devices: blocking and awaited at once.

use std::{
    cell::{Cell, RefCell},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use embedded_hal::spi::{ErrorKind, Operation};
use fakes::{
    leak,
    spi::Line::{High, Low},
    sweep::{caught, clean},
};
use wouldblock::{
    adapter::For,
    block::{Idle, Spin},
    spi::Error,
    testing::{Report, Sweep, World},
};

use crate::{
    register_read, sized,
    wire::{Device, Flaw, Rig, SharedBus},
};

type End = Result<(), Error<ErrorKind>>;

/// The blocking trait, and the awaited one, on the same value.
fn block(device: &mut impl embedded_hal::spi::SpiDevice) -> [u8; 2] {
    let mut two = [0; 2];
    let operations = &mut [Operation::Write(&[9, 8]), Operation::Read(&mut two)];
    device.transaction(operations).expect("nothing is lost");
    two
}

async fn awaited(mut device: impl embedded_hal_async::spi::SpiDevice) -> [u8; 2] {
    let mut two = [0; 2];
    let operations = &mut [Operation::Write(&[9, 8]), Operation::Read(&mut two)];
    device.transaction(operations).await.expect("nothing is lost");
    two
}

/// An awaited call that is dropped after `polls` polls, with what came in between; and a blocking one.
fn holder_is_dropped(polls: u32, forget: bool) -> Report {
    let name = format!("spi, shared, dropped after {polls} polls");
    sized(Sweep::new(&name).needs(12), forget).run(Rig::new, move |rig, cpu| {
        let bus: SharedBus<'_, 2> = SharedBus::new(rig.bus(Flaw::None));
        let mut first = Device::new(&bus, rig.pin(1), rig.clock(), Spin).unwrap();
        let mut second = Device::new(&bus, rig.pin(2), rig.clock(), cpu).unwrap();
        assert!(Device::new(&bus, rig.pin(3), rig.clock(), Spin).is_none(), "two devices");
        {
            use embedded_hal_async::spi::SpiDevice;
            let mut future = Box::pin(first.write(&[1_u8; 9]));
            for _ in 0..polls {
                if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                cpu.step();
            }
            if forget {
                std::mem::forget(future);
            }
        }
        assert_eq!(rig.chip.selected().is_some(), forget, "the chip select has risen");
        assert_eq!(block(&mut second), [2; 2]);
        let log = rig.chip.log();
        assert!(log.ends_with(&register_read(2)), "{log:?}");
        assert_eq!(log.contains(&Low(1)), polls > 0, "{log:?}");
        assert_eq!(log.contains(&High(1)), polls > 0, "{log:?}");
    })
}

#[test]
fn dropping_the_call_that_holds_the_bus_frees_it() {
    for polls in 0..=3 {
        clean(&holder_is_dropped(polls, false), 40);
    }
    // Forgotten, it holds the bus for ever.
    caught(&holder_is_dropped(1, true), Report::lost);
}

#[test]
fn a_limit_covers_the_wait_for_the_bus_and_leaves_the_holder_alone() {
    let run = |name, limited: bool| {
        sized(Sweep::new(name).needs(0), !limited).run(Rig::new, move |rig, cpu| {
            let bus: SharedBus<'_, 2> = SharedBus::new(rig.bus(Flaw::None));
            let holder = Device::new(&bus, rig.pin(1), rig.clock(), Spin).unwrap();
            let mut future = pin!(awaited(holder));
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
            let (pin, clock) = (rig.pin(2), rig.clock());
            let limit = For::new(cpu, cpu.clock(), Duration::from_millis(5));
            let end: End = match limited {
                true => {
                    let mut device = Device::new(&bus, pin, clock, limit).unwrap();
                    embedded_hal::spi::SpiDevice::write(&mut device, &[1_u8])
                }
                false => {
                    let mut device = Device::new(&bus, pin, clock, cpu).unwrap();
                    embedded_hal::spi::SpiDevice::write(&mut device, &[1_u8])
                }
            };
            assert_eq!(end, Err(Error::TimedOut));
            rig.chip.let_through(16);
            assert_eq!(cpu.block_on(future), [1; 2]);
            assert_eq!(rig.chip.log(), register_read(1));
        })
    };
    clean(&run("spi, shared, a limit", true), 20);
    // The holder is a task that cannot run meanwhile.
    caught(&run("spi, shared, for ever", false), Report::lost);
}

/// A task at interrupt level: its executor polls it whenever it was woken, also in the middle of what the
/// foreground does.
struct Preempting {
    rig: &'static Rig,
    task: RefCell<Option<Task>>,
    woken: Arc<Woken>,
    output: Cell<Option<[u8; 2]>>,
    bus: &'static SharedBus<'static, 2>,
}

type Task = Pin<Box<dyn Future<Output = [u8; 2]>>>;

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

impl Preempting {
    fn new() -> Self {
        let rig: &'static Rig = leak(Rig::new());
        let bus: &'static SharedBus<'static, 2> = leak(SharedBus::new(rig.bus(Flaw::None)));
        let device = Device::new(bus, rig.pin(1), rig.clock(), Spin).unwrap();
        let task: Task = Box::pin(awaited(device));
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        Self { rig, task: RefCell::new(Some(task)), woken, output: Cell::default(), bus }
    }
}

impl World for Preempting {
    /// The task becomes ready, or a word ends: at the first event, and at each of them.
    fn event(&self) {
        if self.task.try_borrow().is_ok_and(|task| task.is_some()) {
            self.woken.0.store(true, SeqCst);
        }
        self.rig.event();
    }

    fn deliver(&self) -> bool {
        let mut any = self.rig.deliver();
        while self.woken.0.swap(false, SeqCst) {
            any = true;
            let mut task = self.task.borrow_mut();
            let waker = Waker::from(self.woken.clone());
            if let Some(future) = task.as_mut()
                && let std::task::Poll::Ready(two) =
                    future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                self.output.set(Some(two));
                *task = None;
            }
        }
        any
    }
}

#[test]
fn a_blocking_call_and_an_awaited_one_of_a_higher_priority_at_once() {
    let report =
        Sweep::new("spi, shared, both at once").needs(12).run(Preempting::new, |world, cpu| {
            let (pin, clock) = (world.rig.pin(2), world.rig.clock());
            let mut device = Device::new(world.bus, pin, clock, cpu).unwrap();
            assert_eq!(block(&mut device), [2; 2]);
            while world.output.get().is_none() {
                Idle::idle(&mut &*cpu, || world.output.get().is_some());
            }
            assert_eq!(world.output.get(), Some([1; 2]));
            let log = world.rig.chip.log();
            let (one, other) = (register_read(2), register_read(1));
            let whole = log == [&one[..], &other].concat() || log == [&other[..], &one].concat();
            assert!(whole, "neither comes into the other: {log:?}");
        });
    clean(&report, 60);
}
