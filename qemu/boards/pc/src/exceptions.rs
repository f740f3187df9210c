//! Processor exceptions. An unexpected exception is logged (name, error code, faulting address,
//! place) and ends the run with an exit code of its own. A program that expects an exception installs
//! a handler; the cores share it.

// Invariant: `HANDLERS` holds null or what was a `Handler`.

use core::{
    slice,
    sync::atomic::{AtomicPtr, Ordering},
};

use x86_64::registers::control::Cr2;

use crate::{
    ending,
    exit::{self, Failure},
};

/// The exceptions of the x86_64 architecture, by vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the processor's manual")]
pub enum Exception {
    DivideError = 0,
    Debug = 1,
    NonMaskableInterrupt = 2,
    Breakpoint = 3,
    Overflow = 4,
    BoundRangeExceeded = 5,
    InvalidOpcode = 6,
    DeviceNotAvailable = 7,
    DoubleFault = 8,
    CoprocessorSegmentOverrun = 9,
    InvalidTss = 10,
    SegmentNotPresent = 11,
    StackSegmentFault = 12,
    GeneralProtection = 13,
    PageFault = 14,
    FloatingPoint = 16,
    AlignmentCheck = 17,
    MachineCheck = 18,
    SimdFloatingPoint = 19,
    Virtualization = 20,
    ControlProtection = 21,
    HypervisorInjection = 28,
    VmmCommunication = 29,
    Security = 30,
}

impl Exception {
    const ALL: [Self; 24] = {
        use Exception::*;
        [
            DivideError,
            Debug,
            NonMaskableInterrupt,
            Breakpoint,
            Overflow,
            BoundRangeExceeded,
            InvalidOpcode,
            DeviceNotAvailable,
            DoubleFault,
            CoprocessorSegmentOverrun,
            InvalidTss,
            SegmentNotPresent,
            StackSegmentFault,
            GeneralProtection,
            PageFault,
            FloatingPoint,
            AlignmentCheck,
            MachineCheck,
            SimdFloatingPoint,
            Virtualization,
            ControlProtection,
            HypervisorInjection,
            VmmCommunication,
            Security,
        ]
    };

    /// `None` for a vector that the architecture reserves.
    fn from_vector(vector: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|exception| *exception as u64 == vector)
    }
}

/// The processor's state when the exception occurred. Laid out by `trampolines.s`.
#[repr(C)]
pub struct Frame {
    /// In the processor's own order (`rax`, `rcx`, `rdx`, `rbx`, then `rbp`: `rsp` is left out).
    general: [u64; 15],
    vector: u64,
    error_code: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

impl Frame {
    /// The address of the instruction: of the faulting one, or for a trap (a breakpoint) of the one
    /// after.
    #[must_use]
    pub fn rip(&self) -> u64 {
        self.rip
    }

    /// 0 where the architecture has none.
    #[must_use]
    pub fn error_code(&self) -> u64 {
        self.error_code
    }

    /// The flags that the program had.
    #[must_use]
    pub fn rflags(&self) -> u64 {
        self.rflags
    }

    /// A general register by the number that instructions encode it with: 0 is `rax`, 4 is `rsp`,
    /// 15 is `r15`.
    ///
    /// # Panics
    /// If there is no such register.
    #[must_use]
    pub fn register(&self, number: usize) -> u64 {
        match number {
            4 => self.rsp,
            0..4 => self.general[number],
            _ => self.general[number - 1],
        }
    }

    /// The 15 bytes at [`rip`](Self::rip), the length of the longest instruction; fewer at the end
    /// of this binary's code, none outside of it.
    #[must_use]
    pub fn instruction(&self) -> &'static [u8] {
        unsafe extern "C" {
            /// The first byte of the code; `board.x` names it.
            safe static __text_start: u8;
            /// The first byte behind the code.
            safe static __text_end: u8;
        }
        let [start, end] =
            [&raw const __text_start, &raw const __text_end].map(|p| p.addr() as u64);
        if !(start..end).contains(&self.rip) {
            return &[];
        }
        let length = (end - self.rip).min(15);
        // SAFETY: in the code of the linked image, which is mapped and never written.
        unsafe { slice::from_raw_parts(self.rip as *const u8, length as usize) }
    }

    /// Continues the program `length` bytes further.
    ///
    /// # Safety
    /// The faulting instruction is `length` bytes long, and the program means the same without it.
    pub unsafe fn skip(&mut self, length: u64) {
        self.rip += length;
    }
}

/// Returns `true` to continue the program (where the frame says), `false` if this exception is not
/// the expected one.
pub type Handler = fn(&mut Frame) -> bool;

static HANDLERS: [AtomicPtr<()>; 32] = [const { AtomicPtr::new(core::ptr::null_mut()) }; 32];

/// Installs the handler of one exception.
///
/// # Safety
/// Masking interrupts keeps no exception away: it strikes inside critical sections, inside interrupt
/// handlers, and between any two instructions of code that holds a `&mut`. So the handler uses
/// atomics, its [`Frame`], and memory that nothing but it uses. It enters no critical section for
/// what another context protects by one (a channel, a `RefCell` in a `Mutex`): the section would be
/// granted, and be none.
pub unsafe fn set_handler(exception: Exception, handler: Handler) {
    HANDLERS[exception as usize].store(handler as *mut (), Ordering::Release);
}

/// Takes the handler away: from then on the exception ends the run.
pub fn remove_handler(exception: Exception) {
    HANDLERS[exception as usize].store(core::ptr::null_mut(), Ordering::Release);
}

/// Called by `trampolines.s` only.
pub(crate) extern "C" fn dispatch(frame: &mut Frame) {
    if frame.vector == Exception::NonMaskableInterrupt as u64 && ending::is_left_to_the_other_core()
    {
        ending::stop();
    }
    let handler = HANDLERS[frame.vector as usize].load(Ordering::Acquire);
    if !handler.is_null() {
        // SAFETY: by the invariant of the module it was a `Handler`.
        let handler = unsafe { core::mem::transmute::<*mut (), Handler>(handler) };
        if handler(frame) {
            return;
        }
    }
    fail(frame)
}

/// Logs the exception, and ends the run.
fn fail(frame: &Frame) -> ! {
    // Before anything that may fault again.
    let address = Cr2::read_raw();
    // SAFETY: this function does not return to where the exception occurred.
    unsafe { exit::alone() };
    let exception = Exception::from_vector(frame.vector);
    match exception {
        Some(Exception::PageFault) => defmt::error!(
            "page fault at {=u64:#x}, error code {=u64:#x}, rip {=u64:#x}",
            address,
            frame.error_code,
            frame.rip
        ),
        Some(Exception::DoubleFault) if in_stack_guard(address) => defmt::error!(
            "stack overflow (double fault): address {=u64:#x}, error code {=u64:#x}, rip {=u64:#x}",
            address,
            frame.error_code,
            frame.rip
        ),
        _ => defmt::error!(
            "exception {=u64} ({}), error code {=u64:#x}, rip {=u64:#x}",
            frame.vector,
            exception,
            frame.error_code,
            frame.rip
        ),
    }
    exit::failure(Failure::Exception(frame.vector as u8))
}

/// Whether the address lies in the page below a stack.
fn in_stack_guard(address: u64) -> bool {
    unsafe extern "C" {
        /// The guard page of the first core; `board.x` puts it there.
        safe static __stack_guard: [u8; 4096];
        /// That of the second core.
        safe static __second_stack_guard: [u8; 4096];
    }
    [&raw const __stack_guard, &raw const __second_stack_guard].into_iter().any(|guard| {
        let start = guard.addr() as u64;
        (start..start + 4096).contains(&address)
    })
}
