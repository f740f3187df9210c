//! A TCP socket under `std`, in every form: one non-blocking `read` is the try, poll(2) is how a
//! blocked thread sleeps, and a thread in poll(2) stands for the interrupt of an awaited one.

use std::{
    cell::Cell,
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use wouldblock::{
    attempt::Attempt,
    block::{Idle, WithAlarm},
    event::Event,
    nb,
    time::{self, Alarm, StdClock},
};

/// One read: the try.
struct ReadSome<'s> {
    socket: &'s TcpStream,
    /// Where an awaited read has its readiness announced.
    armed: &'s Sender<()>,
}

impl Attempt for ReadSome<'_> {
    type Output = String;
    type Error = io::Error;

    fn attempt(&mut self) -> nb::Result<String, io::Error> {
        let mut buffer = [0; 64];
        match self.socket.read(&mut buffer) {
            Ok(read) => Ok(String::from_utf8_lossy(&buffer[..read]).into_owned()),
            Err(error) => Err(match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => nb::Error::WouldBlock,
                _ => nb::Error::Other(error),
            }),
        }
    }

    /// "Announce the next worthwhile try": the reactor below looks once, and signals.
    fn arm(&mut self) {
        self.armed.send(()).expect("the reactor runs");
    }
}

/// Sleeps in poll(2) until the socket is readable. A byte that has come between the try and the
/// sleep ends it at once, since the kernel's readiness is a level.
struct Poll<'s> {
    socket: BorrowedFd<'s>,
    /// For how long at most; [`PollAlarm`] sets it.
    timeout: &'s Cell<PollTimeout>,
}

impl Idle for Poll<'_> {
    fn idle(&mut self, news: impl Fn() -> bool) {
        // The question comes before the look at the time-out: an alarm is set by it.
        if !news() {
            let mut sockets = [PollFd::new(self.socket, PollFlags::POLLIN)];
            // An error (EINTR) is a sleep that ends early, which is always right.
            _ = poll(&mut sockets, self.timeout.get());
        }
    }
}

/// What bounds that sleep: poll(2) has its alarm built in.
struct PollAlarm<'s>(&'s Cell<PollTimeout>);

impl Alarm<StdClock> for PollAlarm<'_> {
    /// A tick of the clock is a nanosecond; poll(2) counts milliseconds, and never ends early. What
    /// is cut short is slept again.
    fn set(&mut self, ticks: u64) {
        let milliseconds = u16::try_from(ticks.div_ceil(1_000_000)).unwrap_or(u16::MAX);
        self.0.set(milliseconds.into());
    }

    fn clear(&mut self) {
        self.0.set(PollTimeout::NONE);
    }
}

/// Signalled when the socket may be readable.
static READABLE: Event = Event::new();

/// Stands for the interrupt controller and the handler: armed, it waits once and signals.
fn reactor(socket: Arc<TcpStream>) -> Sender<()> {
    let (armed, arms) = mpsc::channel();
    thread::spawn(move || {
        while arms.recv().is_ok() {
            let mut sockets = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
            _ = poll(&mut sockets, PollTimeout::NONE);
            READABLE.signal();
        }
    });
    armed
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut peer = TcpStream::connect(listener.local_addr()?)?;
    let socket = Arc::new(listener.accept()?.0);
    socket.set_nonblocking(true)?;

    let (unheard, _arms) = mpsc::channel(); // Who sleeps in poll(2) needs no announcement.
    let timeout = Cell::new(PollTimeout::NONE);
    let mut waiter = READABLE.waiter().expect("one waiter at a time");
    let mut read = waiter.operation(ReadSome { socket: &socket, armed: &unheard });

    assert!(matches!(read.attempt(), Err(nb::Error::WouldBlock)));
    println!("one try            nothing there");

    let begun = Instant::now();
    let hold = Duration::from_millis(30);
    let poll = Poll { socket: socket.as_fd(), timeout: &timeout };
    let idle = WithAlarm::new(poll, PollAlarm(&timeout));
    let bounded = read.block_for(idle, StdClock::new(), hold);
    assert!(matches!(bounded, Err(time::Error::TimedOut)) && begun.elapsed() >= hold);
    println!("blocked, bounded   timed out, asleep in poll(2)");

    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        peer.write_all(b"one").map(|()| peer)
    });
    let poll = Poll { socket: socket.as_fd(), timeout: &timeout };
    assert_eq!(read.block(poll)?, "one");
    println!("blocked, asleep    \"one\"");
    drop(read);

    let mut peer = late.join().expect("the peer has written")?;
    let armed = reactor(socket.clone());
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        peer.write_all(b"two").map(|()| peer)
    });
    let read = waiter.operation(ReadSome { socket: &socket, armed: &armed });
    assert_eq!(pollster::block_on(read)?, "two");
    println!("awaited            \"two\"");

    drop(late.join().expect("the peer has written")?);
    let mut end = waiter.operation(ReadSome { socket: &socket, armed: &unheard });
    assert_eq!(end.block(Poll { socket: socket.as_fd(), timeout: &timeout })?, "");
    println!("shown: one read(2) in 4 forms, and no thread of ours spun");
    Ok(())
}
