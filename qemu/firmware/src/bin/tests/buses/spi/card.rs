//! `embedded-sdmmc`, a FAT file system over SPI: unchanged, on an SD card that the host has formatted. It
//! reads a file of the host's, and writes one that the host compares.

use board::{Board, counter::BoardClock, idle::Park};
use drivers::spi::{CARD, FrameController, Select};
use embedded_hal::spi::{ErrorType, Operation, SpiDevice as Device};
use embedded_sdmmc::{Mode, SdCard, TimeSource, Timestamp, VolumeIdx, VolumeManager};
use firmware::report::{self, File, Report, Xorshift, spi};
use wouldblock::{
    adapter::{Delay, SharedBus, SpiDevice},
    spi::Bus,
};

use super::CLOCK;

/// A device in front of QEMU 7.2's card, which does two things wrong (`hw/sd/ssi-sd.c`). With a real card, leave
/// it out.
///
/// - To CMD58 it replies that it is idle, although it has ended its initialization. Here the reply is
///   changed to that it is ready.
/// - After a command that writes it takes one byte for nothing before the token of the data, and a real card
///   takes any number. Here that byte is sent.
struct Qemu72Card<D> {
    device: D,
    /// The answer to CMD58 is awaited.
    reads_ocr: bool,
}

impl<D: ErrorType> ErrorType for Qemu72Card<D> {
    type Error = D::Error;
}

impl<D: Device> Device for Qemu72Card<D> {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), D::Error> {
        const CMD58: u8 = 0x40 | 58;
        const TOKENS: [u8; 2] = [0xfe, 0xfc];
        const IDLE: u8 = 1;

        match operations {
            [Operation::Write([CMD58, ..])] => self.reads_ocr = true,
            [Operation::Transfer(_, [token])] if TOKENS.contains(token) => {
                self.device.write(&[0xff])?;
            }
            _ => {}
        }
        self.device.transaction(operations)?;
        if let [Operation::Transfer([answer], _)] = operations
            && self.reads_ocr
            && *answer & 0x80 == 0
        {
            self.reads_ocr = false;
            *answer &= !IDLE;
        }
        Ok(())
    }
}

/// A fixed date: this board has no clock that knows it.
struct NoClock;

impl TimeSource for NoClock {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_calendar(2026, 11, 28, 0, 0, 0).expect("a date")
    }
}

type Shared = SharedBus<Bus<'static, FrameController>, 1>;
type OnBus<'m> = SpiDevice<'m, 'static, FrameController, Select, BoardClock, 1, Park>;

fn card<'m>(bus: &'m Shared, select: Select) -> SdCard<Qemu72Card<OnBus<'m>>, Delay<BoardClock>> {
    let device = SpiDevice::new(bus, select, CLOCK, Park).expect("one");
    SdCard::new(Qemu72Card { device, reads_ocr: false }, Delay::new(CLOCK))
}

fn embedded_sdmmc_reads_and_writes_files(_: &'static Board) {
    const SEED: u32 = 0xca4d;
    const BYTES: usize = 30_001;

    let (bus, select) = CARD.take().expect("the first");
    let bus = SharedBus::new(bus);
    let card = card(&bus, select);
    assert_eq!(card.num_bytes().expect("it is there"), 32 << 20);
    assert!(card.get_card_type().is_some());
    let volumes: VolumeManager<_, _> = VolumeManager::new(card, NoClock);
    let volume = volumes.open_volume(VolumeIdx(0)).expect("a FAT partition");
    let root = volume.open_root_dir().expect("a first folder");
    let file = root.open_file_in_dir(spi::CARD_FILE, Mode::ReadOnly).expect("the host's file");
    let (mut expected, mut piece) = (spi::CARD.iter(), [0; 700]);
    while !file.is_eof() {
        let count = file.read(&mut piece).expect("it can be read");
        assert!(piece[..count].iter().all(|byte| Some(*byte) == expected.next()));
    }
    assert_eq!(expected.next(), None, "all of it");
    file.close().expect("it can be closed");

    let file = root.open_file_in_dir("GUEST.BIN", Mode::ReadWriteCreate).expect("a new file");
    let (mut random, mut left) = (Xorshift::new(SEED), BYTES);
    while left > 0 {
        let piece = &mut piece[..left.min(700)];
        random.fill(piece);
        file.write(piece).expect("it can be written");
        left -= piece.len();
    }
    file.close().expect("it can be closed");
    assert!(CARD.line().taken() > 1000, "asleep until interrupts");
    let file = File { file: "GUEST.BIN", bytes: BYTES as u64, seed: SEED };
    report::send(&Report::Wrote(file));
}
crate::registry::test!(embedded_sdmmc_reads_and_writes_files);
