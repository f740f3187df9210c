//! External interrupts: lines, their handlers, and what was taken.
//!
//! A handler does three things, in this order: it quiets its device, it calls
//! [`Line::acknowledge`], and only then it wakes a waiter. So the board acknowledges nothing by
//! itself. Handlers run with interrupts masked and do not nest.
//!
//! The same lines go through either controller:
//!
//! | line | 8259 pair | APICs | trigger |
//! |---|---|---|---|
//! | `Com1`, `Com2` | IRQ 4, IRQ 3 | GSI 4, GSI 3 | edge |
//! | `Irq` of n ([`Line::irq`]) | IRQ n | GSI n; of IRQ 0 GSI 2 | edge |
//! | `Pci` on `q35` | the IRQ that the firmware routed it to | GSI 20 to 23 | level |
//! | `Pci` on `pc` | the same | the GSI of the same number | level |
//! | `Timer`, `Software`, `Ipi` | the local APIC, past the 8259 | the local APIC | edge |
//!
//! IRQ n comes as vector 32 + n through either, and so does GSI n from 16 on.
//!
//! On two cores ([`cores`](crate::cores)) a line has one handler, which runs on the core that the
//! interrupt comes to: for a device's line the core that [`Line::enable_on`] names, for the 8259's
//! the first core, for a timer's the core that set its own timer. This module counts for each core
//! separately, and returns the counts of the core that calls; only [`Line::taken`] is of both.

// Invariant: a slot's `handler` is null or was a `Handler`.

use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Ordering};

use common::observed;
use x86_64::VirtAddr;

use crate::{
    apic,
    counter::now,
    cpu::Core,
    exit::{self, Failure},
    idt, ipi, pic, vectors,
};

pub use x86_64::instructions::interrupts::{are_enabled, disable, enable, without_interrupts};

/// Whether a line of high priority interrupts the handler of one of low priority.
pub const NESTS: bool = false;

/// Which controller the lines of devices go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
#[repr(u8)]
pub enum Controller {
    /// The pair of 8259s, handed through by the local APIC (virtual wire).
    Pic,
    /// The IOAPIC; the 8259s are masked.
    Apic,
}

/// Something that interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Line {
    /// The first serial port.
    Com1,
    /// The second serial port.
    Com2,
    /// Another device of the PC's own, by its number: [`Line::irq`].
    Irq(Irq),
    /// What a PCI device's INTx pin is routed to;
    /// [`pci::Function::line`](crate::pci::Function::line) knows. Several devices may share it.
    Pci(Intx),
    /// The local APIC's timer. Each core has one, and enables it for itself.
    Timer,
    /// An interrupt that a core sends to the other one:
    /// [`cores::interrupt_other`](crate::cores::interrupt_other).
    Ipi,
    /// An interrupt that the processor sends to itself: [`raise_self`].
    Software,
}

/// The number of an interrupt request, other than those of the serial ports and of PCI devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub struct Irq(u8);

/// An input of the controller that PCI devices share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub struct Intx(pub(crate) u8);

/// Called with the line that interrupted, interrupts masked.
pub type Handler = fn(Line);

const COM1_IRQ: u8 = 4;
const COM2_IRQ: u8 = 3;

struct Slot {
    handler: AtomicPtr<()>,
    taken: AtomicU64,
}

/// By vector, from `vectors::FIRST` on.
static SLOTS: [Slot; (vectors::SELF + 1 - vectors::FIRST) as usize] =
    [const { Slot { handler: AtomicPtr::new(core::ptr::null_mut()), taken: AtomicU64::new(0) } };
        (vectors::SELF + 1 - vectors::FIRST) as usize];

/// The controller in use, from `start` on.
static CONTROLLER: AtomicU8 = AtomicU8::new(Controller::Apic as u8);

/// What is counted for one core.
struct Counters {
    taken: AtomicU64,
    spurious: AtomicU64,
    spent: AtomicU64,
    depth: AtomicU64,
    deepest: AtomicU64,
    interrupted: AtomicU64,
}

static COUNTERS: [Counters; Core::COUNT] = [const {
    Counters {
        taken: AtomicU64::new(0),
        spurious: AtomicU64::new(0),
        spent: AtomicU64::new(0),
        depth: AtomicU64::new(0),
        deepest: AtomicU64::new(0),
        interrupted: AtomicU64::new(0),
    }
}; Core::COUNT];

static SELF_ENABLED: AtomicBool = AtomicBool::new(false);

impl Line {
    /// The line of IRQ `number`, 0 to 15, for a device that the board does not know: 1 is the
    /// keyboard's, 8 the real-time clock's, 12 the mouse's. In QEMU, 5, 9, 10 and 11, to which PCI
    /// devices may be routed, are level ([`Line::Pci`]); the others are edge. `None` above 15, and
    /// for 2, where the second 8259 is connected.
    #[must_use]
    pub const fn irq(number: u8) -> Option<Self> {
        match number {
            2 | 16.. => None,
            number => Some(Self::from_vector(vectors::FIRST + number)),
        }
    }

    const fn vector(self) -> u8 {
        match self {
            Self::Com1 => vectors::FIRST + COM1_IRQ,
            Self::Com2 => vectors::FIRST + COM2_IRQ,
            Self::Irq(Irq(input)) | Self::Pci(Intx(input)) => vectors::FIRST + input,
            Self::Timer => vectors::TIMER,
            Self::Ipi => vectors::IPI,
            Self::Software => vectors::SELF,
        }
    }

    /// The line of a vector that some line may have.
    #[inline]
    const fn from_vector(vector: u8) -> Self {
        const COM1: u8 = Line::Com1.vector();
        const COM2: u8 = Line::Com2.vector();
        match vector {
            COM1 => Self::Com1,
            COM2 => Self::Com2,
            vectors::TIMER => Self::Timer,
            vectors::IPI => Self::Ipi,
            vectors::SELF => Self::Software,
            vector => match Intx::new(vector - vectors::FIRST) {
                Some(intx) => Self::Pci(intx),
                None => Self::Irq(Irq(vector - vectors::FIRST)),
            },
        }
    }

    fn slot(self) -> &'static Slot {
        &SLOTS[usize::from(self.vector() - vectors::FIRST)]
    }

    /// Installs the handler; a line has one. Before [`enable`](Self::enable): an interrupt without
    /// a handler ends the run.
    pub fn set_handler(self, handler: Handler) {
        self.slot().handler.store(handler as *mut (), Ordering::Release);
    }

    /// Leads the interrupt straight to `entry` for good, past the board's counters and the line's
    /// handler, so that a program can count the instructions of its own entry. Call it before the
    /// line interrupts.
    ///
    /// # Safety
    /// `entry` is entered as the processor enters an interrupt gate. It changes no register that it
    /// does not restore, calls [`acknowledge`](Self::acknowledge) once, and ends with `iretq`.
    pub unsafe fn bypass(self, entry: unsafe extern "C" fn()) {
        // SAFETY: by the caller; no line's vector has an error code.
        critical_section::with(|_| unsafe {
            idt::redirect(self.vector(), VirtAddr::new(entry as usize as u64));
        });
    }

    /// Lets the line interrupt; through the IOAPIC it interrupts this core. The controllers differ
    /// for an edge that came while the line was disabled: the 8259 delivers it now, the IOAPIC has
    /// lost it.
    pub fn enable(self) {
        match (self, controller()) {
            (Self::Timer, _) => apic::local::unmask_timer(),
            (Self::Ipi, _) => ipi::set_enabled(true),
            (Self::Software, _) => SELF_ENABLED.store(true, Ordering::Relaxed),
            (_, Controller::Pic) => pic::unmask(self.input(), self.is_level()),
            (_, Controller::Apic) => self.enable_on(Core::current()),
        }
    }

    /// Lets the line of a device interrupt `core`, and no other one, from now on.
    ///
    /// # Panics
    /// If the line does not come through the IOAPIC: nothing else leads a line to a chosen core.
    pub fn enable_on(self, core: Core) {
        assert!(
            matches!(self, Self::Com1 | Self::Com2 | Self::Irq(_) | Self::Pci(_))
                && controller() == Controller::Apic,
            "only the IOAPIC leads a line to a core of choice: give irq=apic, and the line of a device"
        );
        apic::io::enable(self.global_input(), self.vector(), core);
    }

    /// Keeps the line from interrupting.
    pub fn disable(self) {
        match (self, controller()) {
            (Self::Timer, _) => apic::local::mask_timer(),
            (Self::Ipi, _) => ipi::set_enabled(false),
            (Self::Software, _) => SELF_ENABLED.store(false, Ordering::Relaxed),
            (_, Controller::Pic) => pic::mask(self.input()),
            (_, Controller::Apic) => apic::io::disable(self.global_input()),
        }
    }

    /// Tells the controller that the interrupt is handled (EOI). The line's handler calls this once
    /// for each of its own calls, after it has quieted the device: a level line that is still active
    /// interrupts again.
    #[inline]
    pub fn acknowledge(self) {
        let of_a_device = matches!(self, Self::Com1 | Self::Com2 | Self::Irq(_) | Self::Pci(_));
        if controller() == Controller::Pic && of_a_device {
            pic::end_of_interrupt(self.vector());
        } else {
            apic::local::end_of_interrupt();
        }
    }

    /// How often it has interrupted, whichever core.
    #[must_use]
    pub fn taken(self) -> u64 {
        self.slot().taken.load(Ordering::Relaxed)
    }

    /// The number of the IRQ.
    const fn input(self) -> u8 {
        self.vector() - vectors::FIRST
    }

    /// The number of the GSI: the same, except that the timer's IRQ 0 comes in where the IOAPIC has no
    /// second 8259.
    const fn global_input(self) -> u8 {
        if self.input() == 0 { 2 } else { self.input() }
    }

    const fn is_level(self) -> bool {
        matches!(self, Self::Pci(_))
    }
}

impl Intx {
    /// `None` if the controller has no such input, or if it is one that is not level.
    pub(crate) const fn new(input: u8) -> Option<Self> {
        match input {
            5 | 9 | 10 | 11 | 16..vectors::INPUTS => Some(Self(input)),
            _ => None,
        }
    }
}

/// Interrupts taken on all lines together, without spurious ones.
#[must_use]
pub fn taken() -> u64 {
    counters().taken.load(Ordering::Relaxed)
}

/// Time spent on interrupts, in cycles of the time-stamp counter (instructions, under `-icount`):
/// from entry to exit, except for the stub that saves and restores registers.
#[must_use]
pub fn spent() -> u64 {
    counters().spent.load(Ordering::Relaxed)
}

/// Interrupts that a controller took back before they could be delivered.
#[must_use]
pub fn spurious() -> u64 {
    counters().spurious.load(Ordering::Relaxed)
}

/// The most handlers that ever ran inside one another; 1 as long as no handler unmasks interrupts.
#[must_use]
pub fn deepest() -> u64 {
    counters().deepest.load(Ordering::Relaxed)
}

/// The address of the instruction that the last interrupt came before.
#[must_use]
pub fn interrupted() -> usize {
    counters().interrupted.load(Ordering::Relaxed) as usize
}

/// Raises [`Line::Software`], if it is enabled.
pub fn raise_self() {
    if SELF_ENABLED.load(Ordering::Relaxed) {
        apic::local::send_self(vectors::SELF);
    }
}

/// The counters of the core that calls.
#[inline(always)]
fn counters() -> &'static Counters {
    &COUNTERS[Core::current() as usize]
}

#[inline]
fn controller() -> Controller {
    if CONTROLLER.load(Ordering::Relaxed) == Controller::Pic as u8 {
        Controller::Pic
    } else {
        Controller::Apic
    }
}

/// Brings both controllers to a known state, every line disabled. Called once, by `start`,
/// interrupts masked.
pub(crate) fn start(controller: Controller) {
    CONTROLLER.store(controller as u8, Ordering::Relaxed);
    pic::start();
    apic::io::start();
    apic::local::set_timer_vector(vectors::TIMER);
    apic::local::pass_pic_through(controller == Controller::Pic);
}

/// The second core's own part of that. Called once, by `start`, on that core.
pub(crate) fn start_on_second() {
    apic::local::set_timer_vector(vectors::TIMER);
    apic::local::pass_pic_through(false);
}

/// Called by `trampolines.s` only.
pub(crate) extern "C" fn dispatch(vector: u64, rip: u64) {
    let start = now();
    let vector = vector as u8;
    if vector & !8 == vectors::FIRST + 7 && controller() == Controller::Pic {
        // An 8259 signals spurious interrupts on these lines: sorted out before a handler is called.
        if pic::settle_spurious(vector) {
            counters().spurious.fetch_add(1, Ordering::Relaxed);
            return;
        }
    }
    let slot = SLOTS.get(usize::from(vector - vectors::FIRST));
    let handler = slot.map_or(core::ptr::null_mut(), |slot| slot.handler.load(Ordering::Acquire));
    let (Some(slot), false) = (slot, handler.is_null()) else {
        return without_handler(vector, rip);
    };
    // SAFETY: by the invariant of the module it was a `Handler`.
    let handler = unsafe { core::mem::transmute::<*mut (), Handler>(handler) };

    let counters = counters();
    slot.taken.fetch_add(1, Ordering::Relaxed);
    counters.taken.fetch_add(1, Ordering::Relaxed);
    counters.interrupted.store(rip, Ordering::Relaxed);
    let depth = counters.depth.fetch_add(1, Ordering::Relaxed) + 1;
    if depth > counters.deepest.load(Ordering::Relaxed) {
        counters.deepest.store(depth, Ordering::Relaxed);
    }
    observed::begins(start);
    handler(Line::from_vector(vector));
    counters.depth.fetch_sub(1, Ordering::Relaxed);
    // Of nested handlers, the outermost one's span contains the others.
    if depth == 1 {
        counters.spent.fetch_add(now() - start, Ordering::Relaxed);
    }
    observed::ends(now);
}

/// A spurious interrupt, which is ignored, or one without a handler, which ends the run.
#[cold]
fn without_handler(vector: u8, rip: u64) {
    if vector == vectors::SPURIOUS {
        counters().spurious.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // SAFETY: the run ends here.
    unsafe { exit::alone() };
    defmt::error!("interrupt without a handler: vector {=u8:#x}, rip {=u64:#x}", vector, rip);
    exit::failure(Failure::Interrupt)
}
