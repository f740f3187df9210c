//! Tests on two cores, which use the same jobs, events and queues.
//!
//! | command | module |
//! |---|---|
//! | `wait`, `await`, `callback` | [`jobs`]: started on the first core, completed by a handler on the second |
//! | `dma`, `uart` | [`devices`]: the same with drivers that were written without regard to cores |
//! | `steps`, `ends`, `registration` | [`contention`]: both cores at the same slot or event, at full speed |
//! | `mutex`, `channel`, `shared_channel` | [`sharing`]: nothing is lost and nothing arrives twice |
//! | `slots` | [`slots`]: started on one core, completed by ticket on the other, in both directions at once |
//! | `twin_…` | [`twins`]: one mistake each; how much is lost is counted |
//! | `fails_…` | [`failures`]: the second core ends the run |
//!
//! Each command has a half for each core. The first core starts the second, both run their halves,
//! and the run ends when both have ended. If the second core has no half, it only takes interrupts,
//! and sleeps between them.

#![no_std]
#![no_main]

mod both;
mod contention;
mod devices;
mod failures;
mod jobs;
mod sharing;
mod slots;
mod twins;

use board::{
    Board, cores,
    exit::{self, Failure},
    interrupts::Line,
};
use x86_64::instructions::interrupts;

use contention::{ends, registration, steps};
use sharing::{channel, mutex, shared_channel};

board::entry!(main);

/// The part of a command that one core runs.
type Half = fn();

/// The half of the first core, and that of the second, if it has more to do than take interrupts.
fn halves(command: &str) -> Option<(Half, Option<Half>)> {
    Some(match command {
        "wait" => (jobs::wait, None),
        "await" => (jobs::awaited, None),
        "callback" => (jobs::callback, None),
        "dma" => (devices::dma, None),
        "uart" => (devices::uart, None),
        "steps" => (steps::first, Some(steps::second)),
        "ends" => (ends::first, Some(ends::second)),
        "registration" => (registration::first, Some(registration::second)),
        "mutex" => (mutex::first, Some(mutex::second)),
        "channel" => (channel::first, Some(channel::second)),
        "shared_channel" => (shared_channel::first, Some(shared_channel::second)),
        "slots" => (slots::first, Some(slots::second)),
        "twin_no_ipi" => (twins::no_ipi, Some(twins::watch)),
        "twin_early_ipi" => (twins::early_ipi, Some(twins::watch)),
        "twin_one_core_section" => (twins::section::first, Some(twins::section::second)),
        "fails_by_panic" => (failures::sleep_forever, Some(failures::panic)),
        "fails_by_page_fault" => (failures::sleep_forever, Some(failures::page_fault)),
        "fails_by_stack_overflow" => (failures::sleep_forever, Some(failures::stack_overflow)),
        "fails_by_stray_interrupt" => (failures::sleep_forever, Some(failures::stray_interrupt)),
        "fails_inside_a_section" => (failures::section_forever, Some(failures::panic)),
        "fails_while_logging" => (failures::log_forever, Some(failures::page_fault)),
        _ => return None,
    })
}

fn main(board: &'static Board) -> ! {
    let Some((first, second_half)) = halves(board.command_line.command()) else {
        defmt::error!("no such command: {=str}", board.command_line.text());
        exit::failure(Failure::CommandLine)
    };
    Line::Ipi.set_handler(Line::acknowledge);
    Line::Ipi.enable();
    if let Err(why) = cores::start_second(second) {
        defmt::error!("{}", defmt::Display2Format(&why));
        exit::failure(Failure::CommandLine)
    }
    interrupts::enable();
    first();
    if second_half.is_some() {
        both::meet();
    }
    exit::success()
}

fn second(board: &'static Board) -> ! {
    interrupts::enable();
    if let Some((_, Some(half))) = halves(board.command_line.command()) {
        half();
        both::meet();
    }
    loop {
        interrupts::enable_and_hlt();
    }
}
