//! Two SJA1000s on one CAN bus, each the other's peer. QEMU's send a frame within the instruction that
//! asks for it, so here a transmission never waits; that is tested with a fake on the host.

use core::{
    future::Future,
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use board::{
    Board,
    alarm::{self, STEP},
    board,
    counter::clock,
    idle::Park,
    interrupts::Line,
};
use drivers::can::{self, Controller, Error, Frame};
use embedded_can::{ExtendedId, Frame as _, Id, StandardId, blocking, nb as nonblocking};
use firmware::{report::Xorshift, task::block_on};
use wouldblock::{
    block::Spin,
    can::{Can, Receiver, Transmitter},
    sync::Mutex,
    time,
};

use crate::library::{interrupt_in, sleep_until};

type Sender = Transmitter<'static, &'static Controller>;
type Taker = Receiver<'static, &'static Controller>;

/// The transmitting half of the first card, the receiving half of the second one.
fn ends() -> (Sender, Taker) {
    let [first, second] = can::take().expect("both cards");
    assert!(can::take().is_none(), "they were taken");
    (first.transmitter().expect("one"), second.receiver().expect("one"))
}

fn standard(id: u16) -> Id {
    StandardId::new(id).expect("11 bits").into()
}

/// The interrupts that the second controller lets through.
fn enabled() -> u8 {
    const ENABLE: u8 = 4;
    board().can[1].as_ref().map_or(0xff, |card| card.read(ENABLE))
}

/// Frames of every kind and length arrive as they were sent. (Not remote frames with a length: QEMU 7.2
/// puts data of theirs into the receive FIFO and does not take it out.)
fn every_kind_of_frame(_: &'static Board) {
    let (mut sender, mut taker) = ends();
    let extended = |id| Id::from(ExtendedId::new(id).expect("29 bits"));
    let ids = [0, 0x2aa, 0x7ff].map(standard).into_iter();
    let ids = ids.chain([0, 0x0a5a_5a5a, 0x1fff_ffff].map(extended));
    for id in ids {
        for length in 0..=8 {
            let data = &[0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88][..length];
            let remote = Frame::new_remote(id, 0).expect("no bytes");
            for frame in [Frame::new(id, data).expect("up to eight bytes"), remote] {
                assert_eq!(sender.transmit(&frame).attempt(), Ok(()));
                assert_eq!(taker.receive().attempt(), Ok(frame));
                assert_eq!(sender.transmit(&frame).block(Park), Ok(()));
                assert_eq!(taker.receive().block(Park), Ok(frame));
                assert_eq!(block_on(sender.transmit(&frame)), Ok(()));
                assert_eq!(block_on(taker.receive()), Ok(frame));
            }
        }
    }
    assert_eq!(taker.receive().attempt(), Err(nb::Error::WouldBlock));
    assert!(
        Frame::new(standard(1), &[0; 9]).is_none() && Frame::new_remote(standard(1), 9).is_none()
    );
}
crate::registry::test!(every_kind_of_frame, needs Can);

/// The first card's half, for a handler.
static SENDER: Mutex<Option<Sender>> = Mutex::new(None);

/// By the timer's handler: sends one frame.
fn send_one(line: Line) {
    line.acknowledge();
    let Ok(mut sender) = SENDER.try_lock() else { return };
    let frame = Frame::new(standard(7), &[1, 2, 3]).expect("three bytes");
    let sender = sender.as_mut().expect("it was put there");
    assert_eq!(sender.transmit(&frame).attempt(), Ok(()));
}

/// Waits for a frame that the timer sends at every instruction of the wait, asleep, with a time-out and
/// awaited. After one lost wake this test would hang.
fn no_frame_is_lost_at_any_instruction(_: &'static Board) {
    const MOST: u64 = 600;
    let (sender, mut taker) = ends();
    *SENDER.try_lock().expect("nothing else uses it") = Some(sender);
    let frame = Frame::new(standard(7), &[1, 2, 3]).expect("three bytes");
    let before = board::interrupts::taken();
    for n in 2..MOST {
        interrupt_in(n * STEP, send_one);
        assert_eq!(taker.receive().block(Park), Ok(frame));
        interrupt_in(n * STEP, send_one);
        assert_eq!(block_on(taker.receive()), Ok(frame));
        interrupt_in(n * STEP, send_one);
        let end = taker.receive().block_for(Spin, clock(), Duration::from_secs(1));
        assert_eq!(end, Ok(frame));
        assert_eq!(enabled(), 0, "left armed");
    }
    assert_eq!(Line::Timer.taken(), 3 * (MOST - 2));
    let received = board::interrupts::taken() - before - Line::Timer.taken();
    assert!(received > MOST, "asleep until the card's interrupt: {received} of them");
    assert_eq!(taker.receive().attempt(), Err(nb::Error::WouldBlock));
}
crate::registry::test!(no_frame_is_lost_at_any_instruction, needs Can);

/// The receive FIFO has room for five such frames. The sixth is lost, which is an error once; the five are
/// not, and what comes after that is received again.
fn an_overrun_is_an_error_and_loses_nothing_else(_: &'static Board) {
    let (mut sender, mut taker) = ends();
    let frame = |n| Frame::new(standard(3), &[n; 8]).expect("eight bytes");
    for round in 0..10 {
        for n in 0..6 + round {
            assert_eq!(sender.transmit(&frame(n)).attempt(), Ok(()));
        }
        assert_eq!(taker.receive().block(Park), Err(Error::Overrun));
        for n in 0..5 {
            assert_eq!(block_on(taker.receive()), Ok(frame(n)));
        }
        assert_eq!(taker.receive().attempt(), Err(nb::Error::WouldBlock));
    }
}
crate::registry::test!(an_overrun_is_an_error_and_loses_nothing_else, needs Can);

/// A time-out ends a wait, spinning and asleep. One of nothing makes one try, and one of years ends with the
/// frame.
fn time_outs_also_of_nothing_and_of_years(_: &'static Board) {
    let (mut sender, mut taker) = ends();
    let frame = Frame::new(standard(3), &[]).expect("no bytes");
    for duration in [Duration::ZERO, Duration::from_micros(50)] {
        let end = taker.receive().block_for(Spin, clock(), duration);
        assert_eq!(end, Err(time::Error::TimedOut));
        let end = taker.receive().block_for(alarm::park_until(), clock(), duration);
        assert_eq!(end, Err(time::Error::TimedOut));
        assert_eq!(enabled(), 0, "left armed");
    }
    for duration in [Duration::ZERO, Duration::MAX] {
        assert_eq!(sender.transmit(&frame).block_for(Spin, clock(), duration), Ok(()));
        assert_eq!(taker.receive().block_for(Spin, clock(), duration), Ok(frame));
    }
}
crate::registry::test!(time_outs_also_of_nothing_and_of_years, needs Can);

/// Both traits of `embedded-can`, on one value, there and back.
fn the_traits_of_embedded_can(_: &'static Board) {
    let [first, second] = can::take().expect("both cards");
    let both = |controller: &'static Controller| {
        let (transmitter, receiver) = (controller.transmitter(), controller.receiver());
        (transmitter.expect("one"), receiver.expect("one"))
    };
    let (sender, taker) = both(second);
    let mut peer = Can { transmitter: sender, receiver: taker, idle: Park };
    let (transmitter, receiver) = both(first);
    let mut can = Can { transmitter, receiver, idle: Park };
    for n in 0..100 {
        let frame = Frame::new(standard(0x100), &[n]).expect("one byte");
        blocking::Can::transmit(&mut can, &frame).expect("sent");
        assert_eq!(blocking::Can::receive(&mut peer), Ok(frame));
        assert_eq!(nonblocking::Can::receive(&mut peer), Err(nb::Error::WouldBlock));
        assert_eq!(nonblocking::Can::transmit(&mut peer, &frame), Ok(None));
        assert_eq!(nonblocking::Can::receive(&mut can), Ok(frame));
    }
}
crate::registry::test!(the_traits_of_embedded_can, needs Can);

/// What the timer's handler sends: frames of four identifiers, each with its number of that identifier.
struct Sending {
    sender: Sender,
    random: Xorshift,
    sent: [u32; 4],
    given_up: u32,
}

static SENDING: Mutex<Option<Sending>> = Mutex::new(None);

/// Sends up to three frames. About every fourth operation is given up before its first try.
fn send_some(line: Line) {
    line.acknowledge();
    let Ok(mut sending) = SENDING.try_lock() else { return };
    let Sending { sender, random, sent, given_up } = sending.as_mut().expect("it was put there");
    for _ in 0..random.below(4) {
        let id = random.below(4) as usize;
        let frame = Frame::new(standard(id as u16), &sent[id].to_le_bytes()).expect("four bytes");
        let mut transmission = sender.transmit(&frame);
        if random.below(4) == 0 {
            *given_up += 1;
            continue;
        }
        assert_eq!(transmission.attempt(), Ok(()));
        // A further try queues nothing more.
        assert_eq!(transmission.attempt(), Ok(()));
        sent[id] += 1;
    }
}

/// Ten thousand receptions are given up in every form, at moments that the timer chooses. Every frame that
/// was sent is received once, in the order of its identifier.
fn ten_thousand_cancels(_: &'static Board) {
    const CANCELS: u32 = 10_000;
    let (sender, mut taker) = ends();
    let sending = Sending { sender, random: Xorshift::new(1), sent: [0; 4], given_up: 0 };
    *SENDING.try_lock().expect("nothing else uses it") = Some(sending);
    let sent = || {
        let sending = SENDING.try_lock().expect("the handler is not running");
        sending.as_ref().map(|sending| (sending.sent, sending.given_up)).expect("it was put there")
    };
    let mut received = [0_u32; 4];
    let take = |received: &mut [u32; 4], frame: Frame| {
        let id = (0..4).find(|&id| frame.id() == standard(id)).expect("one of the four");
        let received = &mut received[usize::from(id)];
        assert_eq!(frame.data(), received.to_le_bytes(), "in order, and once");
        *received += 1;
    };
    let mut random = Xorshift::new(2);
    let (mut cancels, mut rounds) = (0, 0);
    while cancels < CANCELS {
        rounds += 1;
        interrupt_in(u64::from(2 + random.below(300)) * STEP, send_some);
        let mut reception = taker.receive();
        let mut context = Context::from_waker(Waker::noop());
        let end = match random.below(4) {
            0 => match reception.attempt() {
                Err(nb::Error::WouldBlock) => None,
                end => Some(end.expect("no error")),
            },
            1 => {
                let duration = Duration::from_nanos(random.below(20_000).into());
                match reception.block_for(Spin, clock(), duration) {
                    Err(time::Error::TimedOut) => None,
                    end => Some(end.expect("no error")),
                }
            }
            more => {
                // Suspended, and dropped after a while; in the last form polled a second time.
                let mut end = Pin::new(&mut reception).poll(&mut context);
                (0..random.below(200)).for_each(|n| _ = black_box(n));
                if more == 3 && end.is_pending() {
                    end = Pin::new(&mut reception).poll(&mut context);
                }
                match end {
                    Poll::Pending => None,
                    Poll::Ready(end) => Some(end.expect("no error")),
                }
            }
        };
        drop(reception);
        assert_eq!(enabled(), 0, "left armed");
        match end {
            Some(frame) => take(&mut received, frame),
            None => cancels += 1,
        }
        sleep_until(|| Line::Timer.taken() == rounds);
        // Mostly all are taken. The FIFO has room for nine of them, and a round sends up to three.
        let most = if random.below(4) == 0 { random.below(7) } else { 0 };
        while sent().0.iter().sum::<u32>() - received.iter().sum::<u32>() > most {
            take(&mut received, taker.receive().attempt().expect("one that was sent"));
        }
    }
    while let Ok(frame) = taker.receive().attempt() {
        take(&mut received, frame);
    }
    let (sent, given_up) = sent();
    assert_eq!(received, sent);
    assert_eq!((cancels, taker.receive().attempt()), (CANCELS, Err(nb::Error::WouldBlock)));
    defmt::info!(
        "{=u64} rounds, {=u32} receptions and {=u32} transmissions given up, {} sent and received",
        rounds,
        cancels,
        given_up,
        sent
    );
    assert!(sent.iter().all(|&sent| sent > 1000) && given_up > 1000);
}
crate::registry::test!(ten_thousand_cancels, needs Can);
