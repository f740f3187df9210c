//! Tests of a virtio disk, whose image the host has written and will read afterwards.
//!
//! | command | module |
//! |---|---|
//! | `read`, `write` | [`many`]: 32 requests in flight |
//! | `cancel` | [`cancel`]: a request that was cancelled, dropped or forgotten keeps its memory to its end |
//! | `reset` | [`reset`]: a device that is reset while it is working, and one that is cut off the bus |
//! | `once` | [`once`]: a disk that is taken twice, and a request that is tried after its end |
//! | `readonly`, `faulty` | [`errors`]: a disk that reports errors, in every form |
//! | `fat` | [`fat`]: the file system of another crate, over the blocking form |

#![no_std]
#![no_main]

mod cancel;
mod errors;
mod fat;
mod many;
mod once;
mod reset;

use board::{
    Board,
    exit::{self, Failure},
};
use drivers::disk::{Blocking, Disk};
use firmware::{
    disk_image::{CHUNK, CHUNK_SECTORS, holds, pattern},
    report::{self, Report},
};
use static_cell::ConstStaticCell;

board::entry!(main);

/// Memory for the requests.
static MEMORY: ConstStaticCell<[[u8; CHUNK]; 40]> = ConstStaticCell::new([[0; CHUNK]; 40]);

fn main(board: &'static Board) -> ! {
    let command: fn(Disk, Blocking) -> Report<'static> = match board.command_line.command() {
        "read" => many::read,
        "write" => many::write,
        "cancel" => cancel::run,
        "reset" => reset::run,
        "once" => once::run,
        "readonly" => errors::read_only,
        "faulty" => errors::faulty,
        "fat" => fat::run,
        _ => {
            defmt::error!("no such command: {=str}", board.command_line.text());
            exit::failure(Failure::CommandLine)
        }
    };
    let Some((disk, blocking)) = Disk::take() else {
        defmt::error!("there is no disk");
        exit::failure(Failure::CommandLine)
    };
    board::interrupts::enable();
    report::send(&command(disk, blocking));
    exit::success()
}
