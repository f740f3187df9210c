//! An interrupt at every boundary of an operation, in every form, and of one that is given up.

use std::time::Duration;

use embedded_storage::nor_flash::NorFlashErrorKind;
use fakes::nor_chip::{PAGE, SECTOR};
use wouldblock::{
    event::{Operation, wait::Wait},
    flash::{Error, Flash},
    testing::{Cpu, Fault, Report, Sweep},
    time,
};

use crate::{
    caught, clean,
    driver::{Driver, Flaw, Rig},
};

/// How a test waits.
#[derive(Clone, Copy, Debug)]
enum Form {
    Asleep,
    Bounded,
    Awaited,
}

impl Form {
    const ALL: [Self; 3] = [Self::Asleep, Self::Bounded, Self::Awaited];

    #[track_caller]
    fn run<W>(self, mut operation: Operation<W>, cpu: &Cpu)
    where
        W: Wait<Output = (), Error = Error<NorFlashErrorKind>>,
    {
        let end = match self {
            Self::Asleep => operation.block(cpu),
            Self::Awaited => cpu.block_on(operation),
            Self::Bounded => {
                match operation.block_for(cpu, cpu.clock(), Duration::from_secs(1000)) {
                    Err(time::Error::Other(error)) => Err(error),
                    Err(time::Error::TimedOut) => panic!("timed out"),
                    Ok(()) => Ok(()),
                }
            }
        };
        assert_eq!(end, Ok(()));
    }
}

const BYTES: [u8; 20] = [0x35; 20];

/// Erases a sector, writes over the end of a page, and reads it: one, two and three steps.
fn work(flash: &mut Flash<'_, Driver>, rig: &Rig, cpu: &Cpu, form: Form) {
    let (from, to, place) = (SECTOR as u32, 2 * SECTOR as u32, (SECTOR + PAGE - 12) as u32);
    form.run(flash.erase(from, to), cpu);
    form.run(flash.write(place, &BYTES), cpu);
    let mut read = [0; 20];
    form.run(flash.read(place, &mut read), cpu);
    assert_eq!(read, BYTES);
    assert_eq!(rig.chip.memory()[place as usize..][..20], BYTES);
    assert!(!rig.chip.is_enabled(), "left armed");
}

/// How many events [`work`] takes.
const EVENTS: u64 = 6;

const fn sized(sweep: Sweep<'_>, is_twin: bool) -> Sweep<'_> {
    if is_twin { sweep.limit(12) } else { sweep }
}

fn whole(form: Form, flaw: Flaw) -> Report {
    let name = format!("flash, {form:?}");
    sized(Sweep::new(&name).needs(EVENTS), flaw != Flaw::None).run(Rig::swept, move |rig, cpu| {
        work(&mut rig.flash(flaw), rig, cpu, form);
    })
}

#[test]
fn operations_in_every_form() {
    for form in Form::ALL {
        clean(&whole(form, Flaw::None), 40);
    }
    for form in [Form::Asleep, Form::Awaited] {
        caught(&whole(form, Flaw::NeverArms), |fault| *fault == Fault::Lost);
    }
}

#[derive(Clone, Copy, Debug)]
enum What {
    Erase,
    Write,
    Read,
}

/// An operation of two or more steps that is dropped after `tries` tries, and then whole ones.
fn dropped(what: What, tries: u32, form: Form, flaw: Flaw) -> Report {
    let name = format!("flash, {what:?}, dropped after {tries}, {form:?}");
    sized(Sweep::new(&name).needs(EVENTS + 3), flaw != Flaw::None).run(
        Rig::swept,
        move |rig, cpu| {
            let mut flash = rig.flash(flaw);
            fn give_up<W: Wait>(mut operation: Operation<W>, tries: u32, cpu: &Cpu) {
                for _ in 0..tries {
                    cpu.step();
                    _ = operation.attempt();
                }
            }
            let mut bytes = [0; 20];
            match what {
                What::Erase => give_up(flash.erase(0, 2 * SECTOR as u32), tries, cpu),
                What::Write => give_up(flash.write(4, &[1; 20]), tries, cpu),
                What::Read => give_up(flash.read(4, &mut bytes), tries, cpu),
            }
            work(&mut flash, rig, cpu, form);
        },
    )
}

#[test]
fn one_that_is_dropped_at_any_try_and_whole_ones() {
    for what in [What::Erase, What::Write, What::Read] {
        for tries in 1..=4 {
            let form = Form::ALL[tries as usize % 3];
            clean(&dropped(what, tries, form, Flaw::None), 45);
        }
        let twin = dropped(what, 1, Form::Asleep, Flaw::NeverSettles);
        // A step while it is busy; or what was fetched for the other one.
        caught(&twin, |fault| matches!(fault, Fault::Panicked(_)));
    }
}
