//! A task in the handler that enables interrupts.

use board::{
    Board,
    interrupts::{self, Line, raise_self},
};
use firmware::executor::start_in_handler;
use portable_atomic::{AtomicU32, Ordering::Relaxed};
use wouldblock::attempt;

use super::{executor::Baton, sleep_until};

/// A task that enables interrupts, and leaves them enabled, lets the handler be called again inside
/// itself. The inner call does not poll the executor: the woken task runs after the outer one.
fn a_task_that_unmasks_does_not_nest_the_executor(_: &'static Board) {
    const ROUNDS: u32 = 10;
    static GO: Baton = Baton::new();
    static DEPTH: AtomicU32 = AtomicU32::new(0);
    static ORDER: AtomicU32 = AtomicU32::new(0);
    static BEHIND: AtomicU32 = AtomicU32::new(0);

    /// Runs `f`, and panics if the other task is running, too.
    fn alone(f: impl FnOnce()) {
        assert_eq!(DEPTH.fetch_add(1, Relaxed), 0, "one task inside the other");
        f();
        DEPTH.fetch_sub(1, Relaxed);
    }

    #[embassy_executor::task]
    async fn unmasks() {
        let mut poll = 0;
        core::future::poll_fn(|cx| {
            alone(|| {
                board::interrupts::enable();
                let before = Line::Software.taken();
                GO.hand_over();
                raise_self();
                // The loop ends when the handler has run inside itself.
                while Line::Software.taken() == before {}
                ORDER.fetch_add(1, Relaxed);
            });
            poll += 1;
            if poll == ROUNDS {
                return core::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            core::task::Poll::Pending
        })
        .await;
    }

    #[embassy_executor::task]
    async fn follows() {
        let mut go = GO.event.waiter().expect("one waiter");
        loop {
            let Ok(()) = go.operation(attempt::from_fn(|| GO.take())).await;
            alone(|| assert!(ORDER.load(Relaxed) > BEHIND.fetch_add(1, Relaxed)));
        }
    }

    let spawner = start_in_handler();
    spawner.spawn(follows().expect("the task is not running"));
    spawner.spawn(unmasks().expect("the task is not running"));
    sleep_until(|| ORDER.load(Relaxed) == ROUNDS && !GO.there.load(Relaxed));
    assert!(BEHIND.load(Relaxed) > 0 && DEPTH.load(Relaxed) == 0);
    assert_eq!(interrupts::deepest(), 2, "the handler was called inside itself");
}
crate::registry::test!(a_task_that_unmasks_does_not_nest_the_executor);
