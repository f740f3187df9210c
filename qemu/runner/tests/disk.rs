//! A virtio disk on the guest: the guest reads what the host wrote, and the host reads what the guest
//! wrote, with 32 requests in flight, with failures, and through a file system (`embedded-sdmmc` on
//! the guest, `fatfs` on the host).

use runner::{
    board::PC,
    boot::{Disk, Irq, Options, Rig},
    disk_image::{self, CHUNK, CHUNKS, pattern},
    fat_image,
    guest::{Guest, nowhere},
    report::{Report, Row},
};
use std::{fs, path::PathBuf, sync::LazyLock, time::Duration};
use tempfile::TempDir;

/// The firmware, built once.
static RIG: LazyLock<Rig> =
    LazyLock::new(|| Rig::set_up("disk", PC, Options::default()).expect("a firmware"));

/// A generous limit.
const LIMIT: Duration = Duration::from_secs(60);

/// Boots `command` with the disk, and returns the row that the guest reported.
fn boot(command: &str, irq: Irq, image: PathBuf, properties: &[&'static str]) -> Row {
    let mut boot = RIG.boot(command, LIMIT);
    (boot.irq, boot.exact) = (Some(irq), false);
    boot.disk = Some(Disk { image, properties: properties.to_vec() });
    let mut row = None;
    let guest = Guest::boot(&boot, nowhere()).expect("a guest");
    let run = guest.run(|report| {
        if let Report::Row(report) = report {
            row = Some(report);
        }
    });
    run.and_then(|run| run.success()).unwrap_or_else(|error| panic!("{error}"));
    let row = row.expect("a report");
    assert!(row.holds, "{row:?}");
    row
}

/// An image full of the pattern, in a folder of its own.
fn image() -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("disk.img");
    disk_image::write(&path).expect("written");
    let content = disk_image::content();
    (folder, path, content)
}

#[test]
fn thirty_two_reads_in_flight() {
    for irq in [Irq::Apic, Irq::Pic] {
        let (_folder, path, content) = image();
        let row = boot("read", irq, path.clone(), &[]);
        assert_eq!(row.tries, 32);
        assert!(fs::read(path).expect("readable") == content, "reading has changed the image");
    }
}

#[test]
fn thirty_two_writes_in_flight() {
    for irq in [Irq::Apic, Irq::Pic] {
        let (_folder, path, mut content) = image();
        boot("write", irq, path.clone(), &[]);
        for chunk in (0..32).map(|n| (n * 37 + 11) % CHUNKS).chain([0]) {
            content[chunk * CHUNK..][..CHUNK].copy_from_slice(&pattern(chunk, 0x5eed_0000));
        }
        let written = fs::read(path).expect("readable");
        let differs =
            (0..CHUNKS).find(|n| written[n * CHUNK..][..CHUNK] != content[n * CHUNK..][..CHUNK]);
        assert_eq!((differs, written.len()), (None, content.len()));
    }
}

#[test]
fn a_cancelled_request_keeps_its_memory_until_the_device_is_done() {
    for irq in [Irq::Apic, Irq::Pic] {
        let (_folder, path, _) = image();
        boot("cancel", irq, path, &["throttling.iops-total=2"]);
    }
}

#[test]
fn requests_in_flight_at_a_reset_end_and_the_disk_works_again() {
    for irq in [Irq::Apic, Irq::Pic] {
        let (_folder, path, _) = image();
        let row = boot("reset", irq, path, &["throttling.iops-total=2"]);
        assert_eq!(row.tries, 33, "all requests that the device had: {row:?}");
    }
}

#[test]
fn a_disk_is_taken_once_and_a_request_gets_only_its_own_end() {
    for irq in [Irq::Apic, Irq::Pic] {
        let (_folder, path, _) = image();
        boot("once", irq, path, &[]);
    }
}

#[test]
fn a_write_to_a_read_only_disk_fails_with_a_typed_error() {
    for irq in [Irq::Apic, Irq::Pic] {
        let (_folder, path, content) = image();
        boot("readonly", irq, path.clone(), &["readonly=on"]);
        assert!(fs::read(path).expect("readable") == content);
    }
}

/// QEMU's `blkdebug` fails every read of sector 40, the first of chunk 5.
#[test]
fn a_bad_sector_fails_its_request_alone() {
    for irq in [Irq::Apic, Irq::Pic] {
        let (folder, path, _) = image();
        let rules = folder.path().join("rules");
        fs::write(&rules, "[inject-error]\nevent = \"read_aio\"\nerrno = \"5\"\nsector = \"40\"\n")
            .expect("written");
        let faulty = format!("blkdebug:{}:{}", rules.display(), path.display());
        boot("faulty", irq, faulty.into(), &[]);
    }
}

#[test]
fn a_file_system_of_another_crate_runs_over_the_blocking_form() {
    for (irq, length) in [(Irq::Apic, 100_001), (Irq::Pic, 5)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fat.img");
        let file: Vec<u8> = (0..CHUNKS).flat_map(|chunk| pattern(chunk, 1)).take(length).collect();
        let image = fat_image::with_file("HOST.BIN", &file).expect("formatted");
        fs::write(&path, image).expect("written");
        let row = boot("fat", irq, path.clone(), &[]);
        assert_eq!(row.tries, length as u64);

        let mut image = fs::read(path).expect("readable");
        let mut read = |name: &str| fat_image::read(&mut image, name).expect(name);
        assert!(read("HOST.BIN") == file);
        assert!(read("GUEST.BIN") == file.iter().map(|byte| !byte).collect::<Vec<_>>());
        let sum: u64 = file.iter().map(|&byte| u64::from(byte)).sum();
        assert_eq!(
            String::from_utf8_lossy(&read("GUEST.TXT")),
            format!("{length} bytes, sum {sum}\n")
        );
        let names = fat_image::names(&mut image).expect("a file system");
        assert_eq!(names, ["HOST.BIN", "GUEST.BIN", "GUEST.TXT"]);
    }
}
