//! `embedded-sdmmc`, a FAT file system for blocking devices, on the blocking form of the disk: it
//! reads a file that the host wrote, and writes one that the host reads.

use core::fmt::Write;

use board::idle::Park;
use drivers::disk::{Blocking, Disk, volume::Volume};
use embedded_sdmmc::{Mode, TimeSource, Timestamp, VolumeIdx, VolumeManager};
use firmware::{
    measure::count::Meter,
    report::{Kind, Report, Row},
};

/// A fixed date: this board has no clock that knows it.
struct NoClock;

impl TimeSource for NoClock {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp {
            year_since_1970: 56,
            zero_indexed_month: 10,
            zero_indexed_day: 21,
            hours: 0,
            minutes: 0,
            seconds: 0,
        }
    }
}

/// Copies `HOST.BIN` to `GUEST.BIN` with every byte inverted, and writes its length and sum to
/// `GUEST.TXT`.
pub fn run(_: Disk, blocking: Blocking) -> Report<'static> {
    let meter = Meter::default();
    let (length, cost) = meter.measure(|| {
        let volumes = VolumeManager::new(Volume::new(blocking, meter.counting(Park)), NoClock);
        let volume = volumes.open_volume(VolumeIdx(0)).expect("a FAT partition");
        let root = volume.open_root_dir().expect("a root directory");
        let source = root.open_file_in_dir("HOST.BIN", Mode::ReadOnly).expect("the host's file");
        let copy = root.open_file_in_dir("GUEST.BIN", Mode::ReadWriteCreate).expect("a new file");
        let (mut length, mut sum) = (0, 0);
        let mut piece = [0; 700];
        while !source.is_eof() {
            let count = source.read(&mut piece).expect("readable");
            let piece = &mut piece[..count];
            sum += piece.iter().map(|&byte| u64::from(byte)).sum::<u64>();
            piece.iter_mut().for_each(|byte| *byte = !*byte);
            copy.write(piece).expect("writable");
            length += count as u64;
        }
        copy.close().expect("closed");
        let notes = root.open_file_in_dir("GUEST.TXT", Mode::ReadWriteCreate).expect("a new file");
        let mut text = heapless::String::<64>::new();
        writeln!(text, "{length} bytes, sum {sum}").expect("short enough");
        notes.write(text.as_bytes()).expect("writable");
        notes.close().expect("closed");
        length
    });
    Report::Row(Row {
        row: "a FAT file system over the blocking form",
        kind: Kind::Blocking,
        call: "embedded_sdmmc::File::read",
        holds: true,
        tries: length,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "tries: bytes copied; it slept for every sector",
    })
}
