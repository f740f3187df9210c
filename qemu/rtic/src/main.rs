//! The library under RTIC 2, on a Cortex-M4 (QEMU's `ast1030-evb`): two async tasks wait for bytes
//! and for a job, the hardware tasks of two priorities wake them, and `#[idle]` sleeps by `Park`.

#![no_std]
#![no_main]

mod device;

use core::{
    convert::Infallible,
    panic::PanicInfo,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use cortex_m_rt as _; // the start, and the table of exceptions
use cortex_m_semihosting::{heprintln, syscall1};
use wouldblock::{
    event::Event,
    job::{Background, Slot},
    uart16550::{Mmio, Uart},
    Attempt,
};

/// The UART with the console. Everything that handlers and tasks share needs no lock of RTIC's.
// SAFETY: where the chip has its UART 5, which nothing else accesses.
static CONSOLE: Uart<Mmio> = Uart::new(unsafe { Mmio::new(REGISTERS, 4) });
const REGISTERS: *mut u8 = 0x7e78_4000 as *mut u8;

/// Ticks so far, and the event that announces each.
static TICKS: AtomicU32 = AtomicU32::new(0);
static TICKED: Event = Event::new();

static SLOT: Slot<Ticks> = Slot::new();

/// Tasks that have ended, and the event that announces each.
static ENDS: AtomicU32 = AtomicU32::new(0);
static ENDED: Event = Event::new();

/// Ends this many ticks after it has begun, with the number of the tick.
struct Ticks {
    after: u32,
    end: u32,
}

impl Attempt for Ticks {
    type Output = u32;
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<u32, Infallible> {
        let now = TICKS.load(Relaxed);
        if now >= self.end {
            Ok(now)
        } else {
            Err(nb::Error::WouldBlock)
        }
    }
}

impl Background for Ticks {
    fn begin(&mut self) {
        self.end = TICKS.load(Relaxed) + self.after;
    }

    fn cancel(&mut self) {
        self.end = 0;
    }
}

#[rtic::app(device = crate::device, peripherals = false, dispatchers = [UNUSED])]
mod app {
    use cortex_m::peripheral::syst::SystClkSource;
    use cortex_m_semihosting::heprintln;
    use wouldblock::{
        attempt::from_fn,
        block::Park,
        event::Waiter,
        job::Done,
        uart16550::{Level, Mmio, Receiver, Transmitter},
    };

    use super::*;

    #[shared]
    struct Shared {}

    /// What one task alone uses: the ends of the library's statics.
    #[local]
    struct Local {
        receiver: Receiver<'static, Mmio>,
        transmitter: Transmitter<'static, Mmio>,
        ticked: Waiter<'static>,
        ended: Waiter<'static>,
    }

    #[init]
    fn init(mut context: init::Context) -> (Shared, Local) {
        CONSOLE.initialize(1, Level::default());
        let (receiver, transmitter) = CONSOLE.split().expect("the only user");
        let ticked = TICKED.waiter().expect("the only waiter");
        let ended = ENDED.waiter().expect("the only waiter");

        let timer = &mut context.core.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(200_000); // 1 ms
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();

        echo::spawn().expect("it is not running");
        count::spawn().expect("it is not running");
        (Shared {}, Local { receiver, transmitter, ticked, ended })
    }

    /// Sleeps until both tasks have ended.
    #[idle(local = [ended])]
    fn idle(context: idle::Context) -> ! {
        let both = from_fn(|| match ENDS.load(Relaxed) {
            2 => Ok::<_, nb::Error<Infallible>>(()),
            _ => Err(nb::Error::WouldBlock),
        });
        let Ok(()) = context.local.ended.operation(both).block(Park);
        heprintln!("idle: both tasks have ended");
        exit(33)
    }

    /// Of a higher priority than the tasks that wait.
    #[task(binds = UART5, priority = 2)]
    fn on_uart(_: on_uart::Context) {
        drop(CONSOLE.on_interrupt());
    }

    /// Of a higher priority still: it interrupts the UART's handler.
    #[task(binds = SysTick, priority = 3)]
    fn on_tick(_: on_tick::Context) {
        TICKS.fetch_add(1, Relaxed);
        let stepped = SLOT.on_interrupt();
        TICKED.signal();
        drop(stepped);
    }

    /// Sends back five bytes in upper case.
    #[task(priority = 1, local = [receiver, transmitter])]
    async fn echo(context: echo::Context) {
        let echo::LocalResources { receiver, transmitter, .. } = context.local;
        let Ok(_) = transmitter.write_all(b"ready\n").await;
        let mut bytes = [0; 5];
        receiver.read_exact(&mut bytes).await.expect("no line error");
        bytes.make_ascii_uppercase();
        let Ok(_) = transmitter.write_all(&bytes).await;
        let Ok(()) = transmitter.flush().await;
        ended();
    }

    /// Waits for an event, and for a job that the handler of the ticks brings to its end.
    #[task(priority = 1, local = [ticked])]
    async fn count(context: count::Context) {
        let first = TICKS.load(Relaxed);
        let tick = from_fn(|| match TICKS.load(Relaxed) {
            now if now == first => Err(nb::Error::WouldBlock),
            now => Ok::<_, nb::Error<Infallible>>(now),
        });
        let Ok(_) = context.local.ticked.operation(tick).await;
        let job = SLOT.start(Ticks { after: 5, end: 0 }).expect("idle");
        let Done { op, result: Ok(now) } = job.await;
        heprintln!("count: the job ended {} ticks late", now - op.end);
        ended();
    }

    fn ended() {
        ENDS.fetch_add(1, Relaxed);
        ENDED.signal();
    }
}

/// Ends QEMU with this exit code, by semihosting (SYS_EXIT_EXTENDED, ADP_Stopped_ApplicationExit).
fn exit(code: usize) -> ! {
    let block = [0x20026, code];
    loop {
        // SAFETY: the call reads the block.
        unsafe { syscall1(0x20, block.as_ptr() as usize) };
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    heprintln!("{}", info);
    exit(35)
}
