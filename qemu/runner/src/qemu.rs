//! QEMU: where it is, and its command line.
//!
//! The guest's byte streams (two serial ports, the log, the reports) are unix sockets. The runner
//! listens on them before QEMU starts, so that nothing is lost. One may be QEMU's own output. On the socket of its monitor QEMU listens,
//! for a runner that needs it.

use crate::{
    board::{Attachment, CommandLine, Machine, STREAMS},
    boot::{Boot, Rig},
    monitor, pc,
    report::Domain,
};
use std::{
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

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
    let Rig { qemu, firmware, board, options } = boot.rig;
    let mut command = Command::new(qemu);
    let mut add = |words: &str| _ = command.args(words.split(' ').filter(|word| !word.is_empty()));
    add("-nodefaults -no-reboot -display none -monitor none");
    let socket = monitor::SOCKET; // There, QEMU listens, and waits for nothing.
    add(&format!("-chardev socket,id=monitor,path={socket},server=on,wait=off"));
    add("-mon chardev=monitor,mode=control");
    let mut console = String::new();
    for (stream, attachment) in STREAMS.iter().zip(board.streams) {
        let socket = format!("-chardev socket,id={stream},path={stream}");
        match attachment {
            Attachment::Device(device) => add(&format!("{socket} {device}")),
            Attachment::Semihosting => {
                add(&socket);
                console = format!(",chardev={stream}");
            }
            // What a device of this kind takes, it takes at once; its log is written until it is whole.
            Attachment::Output(device) => {
                add(&format!("-chardev null,id={stream},logfile=/dev/stdout {device}"));
            }
            Attachment::Absent => {}
        }
    }
    if !board.prepare.is_empty() {
        add("-S"); // The guest starts when the monitor is told so.
    }
    match board.machine {
        Machine::Fixed(machine) => add(machine),
        Machine::Chosen => {
            add(options.machine().options());
            add("-device isa-debug-exit,iobase=0xf4,iosize=4");
            // A slot for more memory only where an NVDIMM needs it.
            add(if boot.nvdimm.is_some() { "-m 128M,slots=1,maxmem=16G" } else { "-m 128M" });
            command.arg("-cpu").arg(options.cpu.as_deref().unwrap_or(pc::CPU));
        }
    }
    if boot.cores > 1 {
        command.args(["-smp", &boot.cores.to_string()]);
    }
    if boot.can {
        command.args(CAN.split(' '));
    }
    if boot.exact {
        // The guest's clock counts instructions, so every figure repeats to the digit.
        command.args(["-icount", &format!("shift={},sleep=off", board.shift)]);
    }
    if let Some(disk) = &boot.disk {
        let mut drive = format!("if=none,id=disk,format=raw,file={}", path(&disk.image));
        disk.properties.iter().for_each(|property| drive += &format!(",{property}"));
        command.args(["-drive", &drive, "-device", "virtio-blk-pci,drive=disk"]);
    }
    if let Some(images) = boot.spi {
        for (interface, image) in [("mtd", images.flash()), ("sd", images.card())] {
            let drive = format!("if={interface},format=raw,file={}", path(&image));
            command.args(["-drive", &drive]);
        }
    }
    if let Some(image) = &boot.flash {
        let drive = format!("if=mtd,format=raw,snapshot=on,file={}", path(image));
        command.args(["-drive", &drive]);
    }
    if let Some(nvdimm) = &boot.nvdimm {
        let (file, bytes) = (path(&nvdimm.file), nvdimm.bytes);
        let machine = format!("nvdimm=on,nvdimm-persistence={}", persistence(nvdimm.persistence));
        let file = format!("memory-backend-file,id=nvdimm,share=on,mem-path={file},size={bytes}");
        command.args(["-machine", &machine, "-object", &file, "-device", "nvdimm,memdev=nvdimm"]);
    }
    command.arg("-kernel").arg(&firmware.elf);
    match board.command_line {
        CommandLine::Append => command.arg("-append").arg(boot.command_line()),
        CommandLine::Semihosting => {
            let line = boot.command_line();
            let words = line.split(' ').map(|word| format!(",arg={}", value(word)));
            let words: String = words.collect();
            command
                .args(["-semihosting-config", &format!("enable=on,target=native{console}{words}")])
        }
    };
    command.current_dir(folder);
    command
}

/// Where QEMU plugs in what has no address, and what the other devices have, leaves these slots free. The
/// cards share an interrupt line, on `q35` and `virt` with no other device.
const CAN: &str = "-object can-bus,id=can -device kvaser_pci,canbus=can,addr=4 -device kvaser_pci,canbus=can,addr=8";

/// QEMU's word for what survives a power failure.
fn persistence(domain: Domain) -> &'static str {
    match domain {
        Domain::MemoryController => "mem-ctrl",
        Domain::Caches => "cpu",
    }
}

/// A text as the value of a property. A comma separates properties, so a comma in the text is written
/// twice.
fn value(text: &str) -> String {
    text.replace(',', ",,")
}

/// A path as the value of a property.
fn path(path: &Path) -> String {
    value(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        board::{BOARDS, Board},
        boot::Options,
        cargo::Firmware,
    };
    use std::time::Duration;

    fn words(board: &'static Board, options: Options, command_line: &str) -> Vec<String> {
        let firmware = Firmware { elf: "firmware".into(), dictionary: Default::default() };
        let rig = Rig { qemu: board.qemu.name.into(), firmware, board, options };
        let command = command(&rig.boot(command_line, Duration::ZERO), Path::new("."));
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn each_stream_has_a_socket_or_the_output_and_one_device() {
        let pc = [pc::Machine::Q35, pc::Machine::Pc, pc::Machine::Microvm];
        let pc = pc.map(|machine| Options { machine: Some(machine), ..Options::default() });
        let all = pc.into_iter().map(|options| (&BOARDS[0], options));
        let others = BOARDS[1..].iter().map(|board| (board, Options::on(board)));
        for (board, options) in all.chain(others) {
            let words = words(board, options, "list");
            for (stream, attachment) in STREAMS.into_iter().zip(board.streams) {
                let socket = format!("socket,id={stream},path={stream}");
                let sockets = words.iter().filter(|word| **word == socket).count();
                let devices = words.iter().flat_map(|word| word.split([',', '=', ':']).skip(1));
                let output = format!("null,id={stream},logfile=/dev/stdout");
                let outputs = words.iter().filter(|word| **word == output).count();
                let devices =
                    devices.filter(|word| *word == stream).count() - 2 * sockets - outputs;
                let expected = match attachment {
                    Attachment::Absent => (0, 0, 0),
                    Attachment::Output(_) => (0, 1, 1),
                    Attachment::Device(_) | Attachment::Semihosting => (1, 0, 1),
                };
                assert_eq!((sockets, outputs, devices), expected, "{stream} of {words:?}");
            }
        }
    }

    #[test]
    fn can_controllers_are_plugged_in_where_there_is_a_place_and_only_on_request() {
        for board in &BOARDS {
            for machine in [pc::Machine::Q35, pc::Machine::Pc, pc::Machine::Microvm] {
                let machine = board.is_pc().then_some(machine);
                let options = Options { machine, ..Options::on(board) };
                let firmware = Firmware { elf: "firmware".into(), dictionary: Default::default() };
                let rig = Rig { qemu: board.qemu.name.into(), firmware, board, options };
                let mut boot = rig.boot("list", Duration::ZERO);
                let cards = |boot: &Boot| {
                    let command = command(boot, Path::new("."));
                    let words = command.get_args().map(|word| word.to_string_lossy());
                    words.filter(|word| word.starts_with("kvaser_pci,canbus=can,")).count()
                };
                assert_eq!(cards(&boot), 0);
                boot.can = rig.takes_can();
                let has_pci = ["pc", "virt", "virt-imc"].contains(&board.name);
                let expected = if has_pci && machine != Some(pc::Machine::Microvm) { 2 } else { 0 };
                assert_eq!(cards(&boot), expected, "{} {machine:?}", board.name);
            }
        }
    }

    #[test]
    fn the_command_line_goes_the_boards_own_way() {
        for board in &BOARDS {
            let words = words(board, Options::on(board), "run name=a,b");
            let words = words.join(" ");
            assert!(words.contains(&format!("-icount shift={},sleep=off", board.shift)), "{words}");
            let expected = match board.command_line {
                CommandLine::Append => "-append run irq=apic name=a,b",
                CommandLine::Semihosting => ",arg=run,arg=name=a,,b",
            };
            assert!(words.ends_with(expected), "{words}");
        }
    }
}
