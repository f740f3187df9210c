use wouldblock::{
    attempt::Attempt,
    block::Idle,
    job::{Background, Slot},
    nb,
    testing::{self, Report, Sweep},
};

use super::{
    fake::Fake,
    keyboard::{Broken, Keyboard},
    ports::Ports,
    read::ReadCodes,
};

type Read = ReadCodes<&'static Fake, 2>;

/// What is around the driver: the device, and the handler that its interrupt calls. Made anew for
/// every run, and leaked: a test may.
struct World<B: Background + 'static> {
    fake: &'static Fake,
    keyboard: &'static Keyboard<&'static Fake>,
    slot: &'static Slot<B>,
}

impl<B: Background> World<B> {
    fn new() -> Self {
        let fake: &Fake = Box::leak(Box::new(Fake::new()));
        let keyboard = Box::leak(Box::new(Keyboard::new(fake)));
        Self { fake, keyboard, slot: Box::leak(Box::new(Slot::new())) }
    }
}

impl<B: Background> testing::World for World<B> {
    fn event(&self) {
        self.fake.press(7);
    }

    fn deliver(&self) -> bool {
        let requested = self.fake.take_request();
        if requested {
            let stepped = self.slot.on_interrupt();
            let news = self.keyboard.on_interrupt();
            drop((stepped, news));
        }
        requested
    }
}

/// Every form, with an interrupt at every place.
pub fn forms() -> [Report; 4] {
    let asleep = testing::sweep("code, asleep", World::<Read>::new, |world, cpu| {
        let mut keys = world.keyboard.keys().unwrap();
        assert_eq!(keys.code().block(cpu), Ok(7));
    });
    let awaited = testing::sweep("code, awaited", World::<Read>::new, |world, cpu| {
        let mut keys = world.keyboard.keys().unwrap();
        assert_eq!(cpu.block_on(keys.code()), Ok(7));
    });
    let two = Sweep::new("two codes, awaited").needs(2).run(World::<Read>::new, |world, cpu| {
        let mut keys = world.keyboard.keys().unwrap();
        assert_eq!(cpu.block_on(keys.code()), Ok(7));
        assert_eq!(cpu.block_on(keys.code()), Ok(7));
    });
    let job = Sweep::new("two codes, a job").needs(2).run(World::<Read>::new, |world, cpu| {
        let keys = world.keyboard.keys().unwrap();
        let done = world.slot.start(ReadCodes::new(keys)).unwrap().wait(cpu);
        assert_eq!((done.result, done.op.codes), (Ok(2), [7, 7]));
    });
    [asleep, awaited, two, job]
}

/// The read with one mistake: `begin` trusts that an edge is still to come.
struct Forgetful(Read);

impl Attempt for Forgetful {
    type Output = usize;
    type Error = Broken;

    fn attempt(&mut self) -> nb::Result<usize, Broken> {
        self.0.attempt()
    }
}

impl Background for Forgetful {
    fn begin(&mut self) {
        self.0.keys.keyboard.ports.enable_interrupt(true);
    }

    fn cancel(&mut self) {
        self.0.cancel();
    }
}

/// The same driver with one mistake each: if the sweep did not lose here, it would prove nothing.
pub fn twins() -> [Report; 2] {
    let begin = Sweep::new("twin: begin without a new edge").needs(2).run(
        World::<Forgetful>::new,
        |world, mut cpu| {
            let keys = world.keyboard.keys().unwrap();
            // By a callback, so that nothing but the interrupt steps it.
            world.slot.start_with(Forgetful(ReadCodes::new(keys)), drop).unwrap();
            while !world.slot.is_idle() {
                cpu.idle(|| world.slot.is_idle());
            }
        },
    );
    let sleep = testing::sweep("twin: look, then sleep", World::<Read>::new, |world, mut cpu| {
        while world.keyboard.try_code().is_err() {
            cpu.idle(|| false); // sleeps without a last question whether there is news
        }
    });
    [begin, sleep]
}
