//! Blocking, synchronous: the foreground retries until the operation is done.

use core::{convert::Infallible, hint::black_box};

use firmware::{
    measure::{
        count::{Cost, Counted},
        record,
    },
    report::Counts,
};
use wouldblock::{attempt, block::block};

use crate::{
    dma, serial,
    tour::{Checks, Kind::Blocking, Row, Tour},
};

pub fn rows(tour: &mut Tour) {
    sum(tour);
    serial::print(tour);
    serial::bounded_recv(tour);
    dma::blocking(tour);
}

/// An operation that is ready costs what the plain call costs.
fn sum(tour: &Tour) {
    #[inline(never)]
    fn plain(numbers: &[u32]) -> u32 {
        numbers.iter().sum()
    }

    #[inline(never)]
    fn attempted(numbers: &[u32]) -> u32 {
        let Ok(sum) =
            block(attempt::from_fn(|| Ok::<u32, nb::Error<Infallible>>(numbers.iter().sum())));
        sum
    }

    // Both are measured at the same place, so that only the function called differs.
    #[inline(never)]
    fn cost(tour: &Tour, counts: Counts, sum: fn(&[u32]) -> u32, numbers: &[u32]) -> (u32, Cost) {
        tour.meter.measure_for(counts, || sum(numbers))
    }

    let numbers: [u32; 256] = core::array::from_fn(|n| n as u32);
    let (expected, plainly) = cost(tour, Counts::NOTHING, black_box(plain), &numbers);
    let (sum, cost) = cost(tour, Counts::COST, black_box(attempted), &numbers);
    let mut counted =
        Counted::new(attempt::from_fn(|| Ok::<u32, nb::Error<Infallible>>(numbers.iter().sum())));
    let checks = Checks::new();
    checks.expect("the sum is right", sum == expected && sum == 255 * 128);
    checks.expect(
        "and the same when its tries are counted",
        record::tries_of(|| block(&mut counted)) == Ok(sum),
    );
    checks.equal(
        "as an attempt it costs what the plain call costs",
        cost.instructions,
        plainly.instructions,
    );
    let row = Row {
        kind: Blocking,
        call: "sum()",
        row: "the sum of 256 numbers, as an attempt that is ready",
        note: "costs the same number of instructions as the plain call",
        tries: counted.tries,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
}
