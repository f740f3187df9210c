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

use embedded_hal::i2c::ErrorKind;
use fakes::{
    leak,
    sweep::{caught, clean},
};
use wouldblock::{
    adapter::{For, I2cDevice, SharedBus},
    block::{Idle, Spin},
    i2c::{Bus, Error},
    testing::{Report, Sweep, World},
};

use crate::{
    sized,
    wire::{Engine, Flaw, Rig, Stop, register_read},
};

type Shared<'e, const W: usize> = SharedBus<Bus<'e, Engine>, W>;
type End = Result<(), Error<ErrorKind>>;

/// The blocking trait, and the awaited one, on the same value.
fn block(device: &mut impl embedded_hal::i2c::I2c, address: u8, two: &mut [u8; 2]) {
    device.write_read(address, &[1], two).expect("a target");
}

async fn awaited(mut device: impl embedded_hal_async::i2c::I2c, address: u8) -> [u8; 2] {
    let mut two = [0; 2];
    device.write_read(address, &[1], &mut two).await.expect("a target");
    two
}

/// An awaited call that is dropped after `polls` polls, with what came in between; and a blocking one.
fn holder_is_dropped(polls: u32, forget: bool) -> Report {
    let name = format!("i2c, shared, dropped after {polls} polls");
    sized(Sweep::new(&name).needs(14), forget).run(Rig::new, move |rig, cpu| {
        let bus: Shared<'_, 2> = SharedBus::new(rig.bus(Flaw::None));
        let mut first = I2cDevice::new(&bus, Spin).unwrap();
        let mut second = I2cDevice::new(&bus, cpu).unwrap();
        assert!(I2cDevice::new(&bus, Spin).is_none(), "two devices");
        let mut one = [0; 1];
        {
            use embedded_hal_async::i2c::I2c;
            let mut future = Box::pin(first.write_read(0x50_u8, &[1], &mut one));
            for _ in 0..polls {
                _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                cpu.step();
            }
            if forget {
                std::mem::forget(future);
            }
        }
        let mut two = [0; 2];
        block(&mut second, 0x48, &mut two);
        assert_eq!(two, [0x49, 0x4a]);
        let log = rig.wire.log();
        assert!(log.ends_with(&register_read(0x48)), "{log:?}");
        let stops = log.iter().filter(|command| **command == Stop).count();
        assert_eq!(stops, if polls == 0 { 1 } else { 2 }, "{log:?}");
    })
}

#[test]
fn dropping_the_call_that_holds_the_bus_frees_it() {
    for polls in 0..=4 {
        clean(&holder_is_dropped(polls, false), 45);
    }
    // Forgotten, it holds the bus for ever.
    caught(&holder_is_dropped(1, true), Report::lost);
}

#[test]
fn a_limit_covers_the_wait_for_the_bus_and_leaves_the_holder_alone() {
    let run = |name, limited: bool| {
        sized(Sweep::new(name).needs(0), !limited).run(Rig::new, move |rig, cpu| {
            let bus: Shared<'_, 2> = SharedBus::new(rig.bus(Flaw::None));
            let holder = I2cDevice::new(&bus, Spin).unwrap();
            let mut future = pin!(awaited(holder, 0x48));
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
            let limit = For::new(cpu, cpu.clock(), Duration::from_millis(5));
            let end: End = match limited {
                true => {
                    let mut device = I2cDevice::new(&bus, limit).unwrap();
                    embedded_hal::i2c::I2c::write(&mut device, 0x50_u8, &[1])
                }
                false => {
                    let mut device = I2cDevice::new(&bus, cpu).unwrap();
                    embedded_hal::i2c::I2c::write(&mut device, 0x50_u8, &[1])
                }
            };
            assert_eq!(end, Err(Error::TimedOut));
            rig.wire.let_through(16);
            assert_eq!(cpu.block_on(future), [0x49, 0x4a]);
            assert_eq!(rig.wire.log(), register_read(0x48));
        })
    };
    clean(&run("i2c, shared, a limit", true), 20);
    // The holder is a task that cannot run meanwhile.
    caught(&run("i2c, shared, for ever", false), Report::lost);
}

/// A task at interrupt level: its executor polls it whenever it was woken, also in the middle of what the
/// foreground does.
struct Preempting {
    rig: &'static Rig,
    task: RefCell<Option<Task>>,
    woken: Arc<Woken>,
    output: Cell<Option<[u8; 2]>>,
    bus: &'static Shared<'static, 2>,
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
        let bus: &'static Shared<'static, 2> = leak(SharedBus::new(rig.bus(Flaw::None)));
        let task: Task = Box::pin(awaited(I2cDevice::new(bus, Spin).unwrap(), 0x50));
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        Self { rig, task: RefCell::new(Some(task)), woken, output: Cell::default(), bus }
    }
}

impl World for Preempting {
    /// The task becomes ready, or a command ends: at the first event, and at each of them.
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
        Sweep::new("i2c, shared, both at once").needs(12).run(Preempting::new, |world, cpu| {
            let mut device = I2cDevice::new(world.bus, cpu).unwrap();
            let mut two = [0; 2];
            block(&mut device, 0x48, &mut two);
            assert_eq!(two, [0x49, 0x4a]);
            while world.output.get().is_none() {
                Idle::idle(&mut &*cpu, || world.output.get().is_some());
            }
            assert_eq!(world.output.get(), Some([0x51, 0x52]));
            let log = world.rig.wire.log();
            let (one, other) = (register_read(0x48), register_read(0x50));
            let whole = log == [one, other].concat() || log == [other, one].concat();
            assert!(whole, "neither comes into the other: {log:?}");
        });
    clean(&report, 60);
}
