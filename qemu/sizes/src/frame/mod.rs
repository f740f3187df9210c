//! What every program has: start and vectors, a handler that quiets the device, and an executor of one
//! task, which awaits a byte.
//!
//! In the program `frame`, over which the others are counted, that task has no means to wait: the
//! handler tells the executor that there was an interrupt, and each poll tries the device
//! ([`finish`]). A program that awaits does so *in place* of that. The others do what they do *before*
//! it, so that all contain an executor.

use core::{
    future::{Future, poll_fn},
    hint::spin_loop,
    pin::pin,
    ptr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
};

use crate::device::{FIRST, Receive, sink};

#[cfg_attr(target_arch = "arm", path = "arm.rs")]
#[cfg_attr(target_arch = "riscv32", path = "riscv32.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
mod cpu;

pub use cpu::sleep_unless;

/// A program: its interrupt handler, which is called when the device is quiet, and its foreground.
#[macro_export]
macro_rules! program {
    ($handler:path, $foreground:path) => {
        #[cfg_attr(target_arch = "arm", unsafe(export_name = "SysTick"))]
        #[cfg_attr(target_arch = "riscv32", unsafe(export_name = "_dispatch_core_interrupt"))]
        #[cfg_attr(target_arch = "x86_64", unsafe(export_name = "interrupt"))]
        extern "C" fn interrupt() {
            $crate::device::quiet();
            $handler();
        }

        #[unsafe(export_name = "main")]
        extern "C" fn start() -> ! {
            $foreground()
        }
    };
}

/// Whether the task was woken since it was polled.
static WOKEN: AtomicBool = AtomicBool::new(false);

const WAKER: RawWaker = RawWaker::new(ptr::null(), &VTABLE);
static VTABLE: RawWakerVTable = RawWakerVTable::new(|_| WAKER, |_| wake(), |_| wake(), |_| ());

/// Wakes the task.
#[inline(always)]
pub fn wake() {
    WOKEN.store(true, Relaxed);
}

/// Runs a task to its end, asleep while it has nothing to do.
pub fn block_on<F: Future>(task: F) -> F::Output {
    let mut task = pin!(task);
    // SAFETY: the functions of the table use no data.
    let waker = unsafe { Waker::from_raw(WAKER) };
    let mut context = Context::from_waker(&waker);
    loop {
        WOKEN.store(false, Relaxed);
        if let Poll::Ready(output) = task.as_mut().poll(&mut context) {
            return output;
        }
        sleep_unless(|| WOKEN.load(Relaxed));
    }
}

/// The end of a program that has awaited nothing, and all that the program `frame` does: a task that
/// awaits a byte by trying the device whenever the handler calls [`wake`].
#[inline(never)]
pub fn finish() -> ! {
    FIRST.enable_interrupt(true);
    sink(block_on(poll_fn(|_| FIRST.try_byte().map_or(Poll::Pending, Poll::Ready))));
    stop()
}

/// The end of every program.
#[inline(never)]
pub fn stop() -> ! {
    loop {
        spin_loop();
    }
}

/// A program that cannot continue stops.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    stop()
}
