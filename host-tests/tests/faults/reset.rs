//! A device with a queue that is reset while it works: requests that it had not ended end with a
//! typed error, and a ticket from before the reset steps nothing after it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use fakes::waker::{counting, poll};
use wouldblock::{
    Attempt,
    block::Spin,
    job::{Background, Done, Job, Slots, Step, Ticket},
    nb,
};

use crate::{
    device::{Buffer, Memory},
    leak,
};

const N: usize = 8;
type Queue = Slots<Request, N>;

/// The device was reset before the request had ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reset;

/// Where a request is.
#[derive(Clone)]
enum Place {
    Nowhere,
    InFlight(Arc<Memory>),
    Ended(Result<(), Reset>),
}

struct Device {
    places: Mutex<[Place; N]>,
    tries: AtomicU32,
}

struct Request {
    device: &'static Device,
    ticket: Ticket,
    buffer: Buffer,
}

impl Device {
    fn new() -> (&'static Self, &'static Queue) {
        let places = Mutex::new([const { Place::Nowhere }; N]);
        (leak(Self { places, tries: AtomicU32::new(0) }), leak(Slots::new()))
    }

    fn request(&'static self, ticket: Ticket) -> (Request, Arc<Memory>) {
        let memory = Arc::new(Memory::default());
        (Request { device: self, ticket, buffer: Buffer(memory.clone()) }, memory)
    }

    fn start(&'static self, queue: &'static Queue) -> (Job<Request>, Ticket, Arc<Memory>) {
        let vacancy = queue.reserve().unwrap();
        let ticket = vacancy.ticket();
        let (request, memory) = self.request(ticket);
        (vacancy.start(request), ticket, memory)
    }

    /// Ends a request, without its interrupt.
    fn end(&self, ticket: Ticket) {
        let place = &mut self.places.lock().unwrap()[ticket.index()];
        let Place::InFlight(memory) = place else { panic!("it is not in flight") };
        memory.write();
        *place = Place::Ended(Ok(()));
    }

    /// Stops the device. Only when it certainly writes nothing more do its requests end.
    fn reset(&self) {
        for place in self.places.lock().unwrap().iter_mut() {
            if let Place::InFlight(memory) = place {
                memory.write(); // It writes until the reset.
                *place = Place::Ended(Err(Reset));
            }
        }
    }
}

impl Attempt for Request {
    type Output = ();
    type Error = Reset;

    fn attempt(&mut self) -> nb::Result<(), Reset> {
        self.device.tries.fetch_add(1, SeqCst);
        let place = &mut self.device.places.lock().unwrap()[self.ticket.index()];
        match place.clone() {
            Place::Ended(result) => {
                *place = Place::Nowhere;
                result.map_err(nb::Error::Other)
            }
            _ => Err(nb::Error::WouldBlock),
        }
    }
}

impl Background for Request {
    fn begin(&mut self) {
        let place = &mut self.device.places.lock().unwrap()[self.ticket.index()];
        assert!(matches!(place, Place::Nowhere), "the slot has one tenant");
        *place = Place::InFlight(self.buffer.0.clone());
    }

    fn cancel(&mut self) {}
}

static CALLED_BACK: AtomicU32 = AtomicU32::new(0);

fn call_back(done: Done<Request>) {
    assert_eq!(done.result, Err(Reset));
    CALLED_BACK.fetch_add(1, SeqCst);
}

#[test]
fn each_request_in_flight_ends_once_with_a_typed_error_and_its_memory() {
    let (device, queue) = Device::new();
    // One of each form, and one that the device has ended before the reset.
    let (mut awaited, waited_for, dropped, detached, forgotten, done_before) = (
        device.start(queue),
        device.start(queue),
        device.start(queue),
        device.start(queue),
        device.start(queue),
        device.start(queue),
    );
    let vacancy = queue.reserve().unwrap();
    let (request, called_back) = device.request(vacancy.ticket());
    let callback_ticket = vacancy.start_with(request, call_back);
    let (waker, wakes) = counting();
    assert!(poll(&mut awaited.0, &waker).is_pending());
    drop(dropped.0);
    detached.0.detach();
    std::mem::forget(forgotten.0);
    device.end(done_before.1);
    let memories =
        [&awaited.2, &waited_for.2, &dropped.2, &detached.2, &forgotten.2, &done_before.2];
    assert!(memories.iter().all(|memory| !memory.is_freed()), "the device may write all of them");

    device.reset();
    let tickets = [
        awaited.1,
        waited_for.1,
        dropped.1,
        detached.1,
        forgotten.1,
        done_before.1,
        callback_ticket,
    ];
    for ticket in tickets {
        assert_eq!(queue.on_interrupt(ticket).step(), Step::Done);
        assert_eq!(queue.on_interrupt(ticket).step(), Step::Idle, "once");
    }
    assert_eq!(wakes.load(SeqCst), 1);
    let done = awaited.0.wait(Spin);
    assert_eq!(done.result, Err(Reset));
    assert!(!done.op.buffer.0.is_freed());
    assert_eq!(waited_for.0.wait(Spin).result, Err(Reset));
    assert_eq!(done_before.0.wait(Spin).result, Ok(()), "the request that has ended is not lost");
    assert_eq!(CALLED_BACK.load(SeqCst), 1);
    assert!(called_back.is_freed());
    drop(done);

    // All slots but the forgotten one accept a request again, which frees the dropped and the
    // detached requests.
    let next: Vec<_> = (1..N).map(|_| device.start(queue)).collect();
    assert!(queue.reserve().is_err());
    assert!(memories.iter().all(|memory| memory.is_freed() || Arc::ptr_eq(memory, &forgotten.2)));
    assert!(!forgotten.2.is_freed());
    assert!(memories.iter().all(|memory| memory.writes() == (1, 0)), "there was no late write");

    // The old tickets come again, from a late interrupt or a confused device.
    let before = device.tries.load(SeqCst);
    for ticket in tickets {
        assert_eq!(queue.on_interrupt(ticket).step(), Step::Idle);
    }
    assert_eq!(device.tries.load(SeqCst), before, "there was no try");
    for (job, ticket, memory) in next {
        device.end(ticket);
        assert_eq!(queue.on_interrupt(ticket).step(), Step::Done);
        assert_eq!(job.wait(Spin).result, Ok(()));
        assert_eq!((memory.writes(), memory.is_freed()), ((1, 0), true));
    }
    assert_eq!(queue.occupied(), 1, "the forgotten request");
}
