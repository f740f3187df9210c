//! Cache flush, the asynchronous operation without a callback: issued, it continues in the cache hardware
//! while the core computes, and a fence is its end.

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("shown: nothing. The module `cache` is for x86_64; this host is another architecture");
}

#[cfg(target_arch = "x86_64")]
fn main() {
    use std::{hint::black_box, time::Instant};

    use wouldblock::{attempt::Progress, cache::Cache, nb};

    const LINES: usize = 1024;

    fn dirty(lines: &mut [[u64; 8]; LINES], round: u64) {
        lines.iter_mut().flatten().for_each(|word| *word = round);
    }

    /// The other work, a piece of it.
    fn compute(sum: u64) -> u64 {
        (0..64).fold(sum, |sum, n: u64| black_box(sum.rotate_left(5) ^ n))
    }

    let Some(cache) = Cache::get() else {
        return println!("shown: nothing. This CPU has no instruction to flush its cache");
    };
    let mut lines = Box::new([[0; 8]; LINES]);
    let pieces = LINES / 32;
    println!("{LINES} lines, {pieces} pieces of other work; {cache:?}");

    // One after the other: flush, wait, compute.
    dirty(&mut lines, 1);
    let begun = Instant::now();
    cache.flush_range(&*lines);
    let one_by_one = (0..pieces).fold(0, |sum, _| compute(sum));
    let apart = begun.elapsed();

    // Overlapped: each step issues a few lines, and the core computes while they are written back.
    dirty(&mut lines, 2);
    let begun = Instant::now();
    let mut batch = cache.batch();
    batch.flush(&*lines);
    let mut overlapped = 0;
    let mut done = 0;
    while done < pieces {
        overlapped = compute(overlapped);
        done += 1;
        batch.step(); // non-blocking: whether any lines are left does not matter here
    }
    while batch.step() {}
    let issued = batch.progress();
    batch.wait(); // the end: a synchronous, blocking one
    let together = begun.elapsed();

    let addresses = lines.as_ptr_range();
    let (start, end) = (addresses.start.addr(), addresses.end.addr());
    assert_eq!(issued, end.div_ceil(cache.line()) - start / cache.line());
    assert_eq!(one_by_one, overlapped);
    assert!(lines.iter().flatten().all(|&word| word == 2), "a flush changes no value");
    println!("flush, wait, compute    {apart:?}");
    println!("flush and compute, end  {together:?}");

    // The same batch as an attempt: "not yet" while some lines are still to be issued.
    let mut batch = cache.batch();
    batch.write_back(&*lines);
    let mut tries = 1;
    while let Err(nb::Error::WouldBlock) = wouldblock::Attempt::attempt(&mut batch) {
        tries += 1;
    }
    assert!(tries > 1);
    batch.order(); // the other end: ordered before the later stores, and not waited for
    println!("shown: {issued} lines flushed beside other work, by one end; times are this host's");
}
