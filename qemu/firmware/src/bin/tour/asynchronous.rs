//! Asynchronous: the work continues in the background after the call has returned.

use crate::{cache, dma, serial, tour::Tour};

pub fn rows(tour: &mut Tour) {
    dma::asynchronous(tour);
    serial::receive(tour);
    serial::start_costs_the_same(tour);
    cache::flush(tour);
}
