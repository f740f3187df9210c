//! 64 values at once through a queue: sent and received.
//!
//! A slice goes around the end of the ring in two of three iterations.

use std::{array, hint::black_box};

use wouldblock::sync::Channel;

use crate::{ITERATIONS, Subject, subject};

/// Cells in the ring. Of ours one stays empty.
const CELLS: usize = 100;

/// The values of a slice.
const LENGTH: usize = 64;

pub const SUBJECTS: [Subject; 2] =
    [subject("wouldblock", wouldblock), subject("rtrb chunks", rtrb)];

/// Sends and receives a slice, [`ITERATIONS`] times.
#[inline(always)]
fn slices(mut send: impl FnMut(&[u32]) -> usize, mut receive: impl FnMut(&mut [u32]) -> usize) {
    let sent: [u32; LENGTH] = array::from_fn(|index| index as u32 + 1);
    let mut received = [0; LENGTH];
    let mut count = 0;
    for _ in 0..ITERATIONS {
        if send(black_box(&sent)) != LENGTH {
            break;
        }
        count += receive(black_box(&mut received));
    }
    assert_eq!(black_box(received), sent, "each value comes back");
    assert_eq!(count, LENGTH * ITERATIONS as usize, "in every iteration");
}

fn wouldblock() {
    let channel = Channel::<u32, CELLS>::new();
    let (mut sender, mut receiver) = black_box(&channel).split().expect("a new channel");
    slices(
        |values| sender.send_slice(values).attempt().unwrap_or(0),
        |values| receiver.recv_slice(values).attempt().unwrap_or(0),
    );
}

fn rtrb() {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<u32>::new(CELLS);
    slices(
        |values| producer.push_entire_slice(values).map_or(0, |()| values.len()),
        |values| consumer.pop_entire_slice(values).map_or(0, |()| values.len()),
    );
}
