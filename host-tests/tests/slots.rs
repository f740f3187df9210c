//! `Slots`: many operations at once on a device with a queue, against a model that knows which
//! requests are in flight, what gets each end, and which tickets are stale.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
};

use fakes::{
    leak,
    waker::{counting, poll},
};
use proptest::prelude::*;
use wouldblock::{
    Attempt,
    block::Spin,
    job::{Background, Done, Job, Slots, Step, Ticket},
    nb,
};

const N: usize = 4;
type Queue = &'static Slots<Request, N>;

/// A device with a queue: the numbers of the requests that it has ended.
#[derive(Default)]
struct Device {
    ended: Mutex<BTreeSet<u32>>,
    tries: AtomicUsize,
    called_back: Mutex<Vec<u32>>,
}

/// A request, whose output is its number.
struct Request {
    device: &'static Device,
    id: u32,
}

impl Device {
    fn new() -> (&'static Self, Queue) {
        (leak(Self::default()), leak(Slots::new()))
    }

    fn request(&'static self, id: u32) -> Request {
        Request { device: self, id }
    }

    /// Starts request `id`, if there is room.
    fn start(&'static self, queue: Queue, id: u32) -> Option<(Job<Request>, Ticket)> {
        let vacancy = queue.reserve().ok()?;
        let ticket = vacancy.ticket();
        Some((vacancy.start(self.request(id)), ticket))
    }

    /// Ends request `id`, and calls the handler with its ticket.
    fn end(&self, queue: Queue, id: u32, ticket: Ticket) -> Step {
        self.ended.lock().unwrap().insert(id);
        queue.on_interrupt(ticket).step()
    }
}

impl Attempt for Request {
    type Output = u32;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<u32, ()> {
        self.device.tries.fetch_add(1, SeqCst);
        let ended = self.device.ended.lock().unwrap().contains(&self.id);
        if ended { Ok(self.id) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Request {
    fn begin(&mut self) {}

    fn cancel(&mut self) {}
}

#[test]
fn a_full_queue_would_block() {
    let (device, queue) = Device::new();
    let jobs: Vec<_> =
        (0..4).map(|id| queue.reserve().unwrap().start(device.request(id))).collect();
    assert_eq!(queue.reserve().unwrap_err(), nb::Error::WouldBlock);
    jobs.into_iter().for_each(Job::detach);
    assert_eq!(queue.occupied(), N, "they are detached, and still in flight");
}

#[test]
fn ends_come_in_any_order_and_each_wakes_its_own_task() {
    let (device, queue) = Device::new();
    let mut jobs: Vec<_> = (0..4).map(|id| device.start(queue, id).unwrap()).collect();
    let wakers: Vec<_> = jobs
        .iter_mut()
        .map(|(job, _)| {
            let (waker, wakes) = counting();
            assert!(poll(job, &waker).is_pending());
            (waker, wakes)
        })
        .collect();
    for (nth, id) in [2, 0, 3, 1].into_iter().enumerate() {
        let (job, ticket) = &mut jobs[id];
        let before = device.tries.load(SeqCst);
        assert_eq!(device.end(queue, id as u32, *ticket), Step::Done);
        assert_eq!(
            device.tries.load(SeqCst),
            before + 1,
            "one try, for any number of requests in flight"
        );
        let woken: u32 = wakers.iter().map(|(_, wakes)| wakes.load(SeqCst)).sum();
        assert_eq!(woken, nth as u32 + 1);
        let Poll::Ready(done) = poll(job, &wakers[id].0) else { panic!("it has ended") };
        assert_eq!(done.result, Ok(id as u32));
    }
    assert_eq!(queue.occupied(), 0);
}

#[test]
fn a_stale_ticket_does_not_step_the_next_tenant() {
    let (device, queue) = Device::new();
    let (job, old) = device.start(queue, 1).unwrap();
    assert_eq!(device.end(queue, 1, old), Step::Done);
    assert_eq!(queue.on_interrupt(old).step(), Step::Idle, "it has ended already");
    assert_eq!(job.wait(Spin).result, Ok(1));
    // The slot is used again.
    let others: Vec<_> = (2..6).map(|id| device.start(queue, id).unwrap()).collect();
    let (_, new) = others.iter().find(|(_, ticket)| ticket.index() == old.index()).unwrap();
    assert!(!queue.is_current(old) && queue.is_current(*new));
    let before = device.tries.load(SeqCst);
    assert_eq!(queue.on_interrupt(old).step(), Step::Idle);
    assert_eq!(device.tries.load(SeqCst), before);
    assert_eq!(queue.on_interrupt(*new).step(), Step::Pending);
}

#[test]
fn a_number_that_is_no_ticket_steps_nothing() {
    let (device, queue) = Device::new();
    let jobs: Vec<_> = (0..4).map(|id| device.start(queue, id).unwrap()).collect();
    let tickets: Vec<u32> = jobs.iter().map(|(_, ticket)| ticket.to_bits()).collect();
    for bits in (0..0x30).chain((0..16).map(|bit| 1 << 16 | 1 << bit)).chain([u32::MAX]) {
        let expected = if tickets.contains(&bits) { Step::Pending } else { Step::Idle };
        assert_eq!(queue.on_interrupt(Ticket::from_bits(bits)).step(), expected, "{bits:#x}");
    }
}

#[test]
fn a_vacancy_that_is_dropped_gives_its_slot_back() {
    let (device, queue) = Device::new();
    let vacancies: Vec<_> = (0..4).map(|_| queue.reserve().unwrap()).collect();
    assert!(queue.reserve().is_err());
    let tickets: Vec<_> = vacancies.iter().map(|vacancy| vacancy.ticket()).collect();
    assert!(tickets.iter().all(|&ticket| queue.on_interrupt(ticket).step() == Step::Idle));
    drop(vacancies);
    assert_eq!(queue.occupied(), 0);
    let (_job, ticket) = device.start(queue, 0).unwrap();
    assert!(!tickets.contains(&ticket), "the slot has another ticket");
}

/// The tickets of a slot repeat after 65,536 reservations, and not before.
#[test]
fn tickets_of_one_slot_are_distinct_for_65536_tenancies() {
    let device = leak(Device::default());
    let queue: &'static Slots<Request, 1> = leak(Slots::new());
    let mut seen = BTreeSet::new();
    for id in 0..65_536 {
        let vacancy = queue.reserve().unwrap();
        assert!(seen.insert(vacancy.ticket().to_bits()));
        let ticket = vacancy.start_with(device.request(id), |_| ());
        device.ended.lock().unwrap().insert(id);
        assert_eq!(queue.on_interrupt(ticket).step(), Step::Done);
    }
    assert!(seen.contains(&queue.reserve().unwrap().ticket().to_bits()), "the tickets repeat");
}

/// What gets the end of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heir {
    Job,
    Callback,
    Orphan,
}

#[derive(Clone, Debug)]
enum Act {
    Start,
    StartWith,
    /// The device ends the n-th of the requests in flight.
    End(usize),
    /// The device reports the ticket of an ended request again.
    Stale(usize),
    Collect(usize),
    Detach(usize),
    Drop(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Start),
        2 => Just(Act::StartWith),
        5 => (0..N).prop_map(Act::End),
        1 => any::<usize>().prop_map(Act::Stale),
        4 => (0..N).prop_map(Act::Collect),
        1 => (0..N).prop_map(Act::Detach),
        1 => (0..N).prop_map(Act::Drop),
    ];
    prop::collection::vec(act, 1..80)
}

struct Tenant {
    id: u32,
    ticket: Ticket,
    ended: bool,
    heir: Heir,
    job: Option<Job<Request>>,
}

fn run(acts: &[Act]) {
    fn called_back(done: Done<Request>) {
        done.op.device.called_back.lock().unwrap().push(done.op.id);
    }

    let (device, queue) = Device::new();
    let mut tenants: Vec<Tenant> = Vec::new();
    let mut stale: Vec<Ticket> = Vec::new();
    let mut expected_calls = Vec::new();
    let mut id = 0;
    for act in acts {
        let held: Vec<usize> = (0..tenants.len()).filter(|&n| tenants[n].job.is_some()).collect();
        let pick = |nth: usize| held.get(nth % held.len().max(1)).copied();
        match *act {
            Act::Start | Act::StartWith => {
                id += 1;
                let full = tenants.len() == N;
                let started = match act {
                    Act::Start => {
                        device.start(queue, id).map(|(job, ticket)| (Some(job), ticket, Heir::Job))
                    }
                    _ => queue.reserve().ok().map(|reserved| {
                        let ticket = reserved.start_with(device.request(id), called_back);
                        (None, ticket, Heir::Callback)
                    }),
                };
                assert_eq!(started.is_none(), full);
                let Some((job, ticket, heir)) = started else { continue };
                assert!(tenants.iter().all(|tenant| tenant.ticket.index() != ticket.index()));
                tenants.push(Tenant { id, ticket, ended: false, heir, job });
            }
            Act::End(nth) => {
                let in_flight: Vec<_> = (0..tenants.len()).filter(|&n| !tenants[n].ended).collect();
                let Some(&n) = in_flight.get(nth % in_flight.len().max(1)) else { continue };
                let tenant = &mut tenants[n];
                let before = device.tries.load(SeqCst);
                assert_eq!(device.end(queue, tenant.id, tenant.ticket), Step::Done);
                assert_eq!(device.tries.load(SeqCst), before + 1);
                tenant.ended = true;
                if tenant.heir == Heir::Callback {
                    expected_calls.push(tenant.id);
                }
                if tenant.heir != Heir::Job {
                    stale.push(tenants.remove(n).ticket);
                }
            }
            Act::Stale(nth) => {
                let Some(&ticket) = stale.get(nth % stale.len().max(1)) else { continue };
                let before = device.tries.load(SeqCst);
                assert_eq!(queue.on_interrupt(ticket).step(), Step::Idle);
                assert_eq!(device.tries.load(SeqCst), before);
            }
            Act::Collect(nth) => {
                let Some(n) = pick(nth) else { continue };
                let tenant = &mut tenants[n];
                match tenant.job.as_mut().unwrap().attempt() {
                    Ok(done) => {
                        assert!(tenant.ended);
                        assert_eq!((done.op.id, done.result), (tenant.id, Ok(tenant.id)));
                        stale.push(tenants.remove(n).ticket);
                    }
                    Err(_) => assert!(!tenant.ended),
                }
            }
            Act::Detach(nth) | Act::Drop(nth) => {
                let Some(n) = pick(nth) else { continue };
                let job = tenants[n].job.take().unwrap();
                match act {
                    Act::Detach(_) => job.detach(),
                    _ => drop(job), // This device cannot be stopped: it continues.
                }
                tenants[n].heir = Heir::Orphan;
                if tenants[n].ended {
                    stale.push(tenants.remove(n).ticket);
                }
            }
        }
        assert_eq!(queue.occupied(), tenants.len(), "after {act:?}");
        assert!(tenants.iter().all(|tenant| queue.is_current(tenant.ticket)));
        assert_eq!(*device.called_back.lock().unwrap(), expected_calls);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]
    #[test]
    fn every_request_is_accounted_for(acts in acts()) {
        run(&acts);
    }
}
