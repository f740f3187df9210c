//! QEMU: where it is, and its command line.
//!
//! The guest's four byte streams (two serial ports, the log, the reports) are unix sockets. The runner
//! listens on them before QEMU starts, so that nothing is lost.

use crate::{
    boot::{Boot, Machine},
    report::Domain,
};
use std::{
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The program.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// Debian's package that contains it.
pub const PACKAGE: &str = "qemu-system-x86";

/// The names of a guest's byte streams, and of their sockets.
pub const STREAMS: [&str; 4] = ["com1", "com2", "log", "report"];

/// Looks for QEMU in `PATH`.
pub fn find() -> Option<PathBuf> {
    in_path(PROGRAM)
}

/// Looks for a program in `PATH`.
pub fn in_path(program: &str) -> Option<PathBuf> {
    let executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&env::var_os("PATH")?)
        .filter_map(|folder| std::path::absolute(folder.join(program)).ok())
        .find(executable)
}

/// The command that boots. The sockets are in `folder`.
pub fn command(boot: &Boot, folder: &Path) -> Command {
    let board = &boot.rig.board;
    let mut command = Command::new(&boot.rig.qemu);
    let mut add = |words: &str| _ = command.args(words.split(' '));
    add("-nodefaults -no-reboot -display none -monitor none");
    // A slot for more memory only where an NVDIMM needs it.
    add(if boot.nvdimm.is_some() { "-m 128M,slots=1,maxmem=16G" } else { "-m 128M" });
    for stream in STREAMS {
        add(&format!("-chardev socket,id={stream},path={stream}"));
    }
    add("-device isa-debugcon,iobase=0xe9,chardev=log");
    add("-device isa-debugcon,iobase=0xe8,chardev=report");
    add("-device isa-debug-exit,iobase=0xf4,iosize=4");
    add("-serial chardev:com1");
    match board.machine() {
        // Without the SATA controller, on which the PC's firmware spends half a second.
        Machine::Q35 => add("-machine q35,sata=off -serial chardev:com2 -device edu"),
        Machine::Pc => add("-machine pc -serial chardev:com2 -device edu"),
        // This machine has only the first serial port by default.
        Machine::Microvm => {
            add(
                "-machine microvm,pit=on,pic=on,rtc=on,isa-serial=on -device isa-serial,index=1,chardev=com2",
            );
        }
    }
    if boot.cores > 1 {
        add(&format!("-smp {}", boot.cores));
    }
    if boot.exact {
        // The guest's clock counts instructions, so every figure repeats to the digit.
        add("-icount shift=0,sleep=off");
    }
    if let Some(disk) = &boot.disk {
        let mut drive = format!("if=none,id=disk,format=raw,file={}", value(&disk.image));
        disk.properties.iter().for_each(|property| drive += &format!(",{property}"));
        command.args(["-drive", &drive, "-device", "virtio-blk-pci,drive=disk"]);
    }
    if let Some(nvdimm) = &boot.nvdimm {
        let (file, bytes) = (value(&nvdimm.file), nvdimm.bytes);
        let machine = format!("nvdimm=on,nvdimm-persistence={}", persistence(nvdimm.persistence));
        let file = format!("memory-backend-file,id=nvdimm,share=on,mem-path={file},size={bytes}");
        command.args(["-machine", &machine, "-object", &file, "-device", "nvdimm,memdev=nvdimm"]);
    }
    command.arg("-cpu").arg(&board.cpu);
    command.arg("-kernel").arg(&boot.rig.firmware.elf);
    command.arg("-append").arg(boot.command_line());
    command.current_dir(folder);
    command
}

/// QEMU's word for what survives a power failure.
fn persistence(domain: Domain) -> &'static str {
    match domain {
        Domain::MemoryController => "mem-ctrl",
        Domain::Caches => "cpu",
    }
}

/// A path as the value of a property. A comma separates properties, so a comma in the path is written
/// twice.
fn value(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
