//! The library from C: the header is C and C++ and agrees with the static library; a program keeps a
//! journal that the Rust library reads; every misuse returns its status; and a firmware boots in which
//! only the library is Rust. Each check has a twin that it catches.

use object::{Object, ObjectSymbol, read::File, read::archive::ArchiveFile};
use runner::{
    board::PC,
    boot::{Machine, Options, Rig},
    c::{self, BARE_FLAGS, Library},
    cargo::Firmware,
    cli::Target,
    guest::{Guest, Run, Transcript},
    outcome::Outcome,
    setup::{self, Needs, Tools},
};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, LazyLock},
    time::Duration,
};
use tempfile::TempDir;
use wouldblock::{
    cache::Cache,
    persist::{Domain, Region, log::Log},
};

static TOOLS: LazyLock<Tools> = LazyLock::new(|| {
    let needs = Needs { c: true, ..Needs::BOOT };
    setup::tools(needs).expect("the tools")
});
static HOST: LazyLock<Library> = LazyLock::new(|| library(Target::Host));
static BARE: LazyLock<Library> = LazyLock::new(|| library(Target::Bare));

fn library(target: Target) -> Library {
    LazyLock::force(&TOOLS);
    c::make(target, &c::folder(target)).expect("a library")
}

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2"];

/// A folder to compile in. A header in it is found before the library's.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, program: &str, arguments: &[&str], files: &[&Path]) -> Result<String, String> {
        let mut command = Command::new(program);
        said(command.current_dir(&self.0).args(arguments).args(files).output().expect(program))
    }

    /// Compiles and links a program for the host.
    fn program(&self, source: &Path, arguments: &[&str]) -> Result<PathBuf, String> {
        let (program, folder) = (self.path("program"), HOST.folder.display().to_string());
        let fixed = ["-std=c11", "-I", ".", "-I", &folder, "-o", "program"];
        let arguments = [&STRICT[..], &fixed, arguments].concat();
        self.run("cc", &arguments, &[source, &HOST.archive]).map(|_| program)
    }
}

/// The output of a program; `Err` if it failed.
fn said(output: Output) -> Result<String, String> {
    let [out, err] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
    if output.status.success() { Ok(out) } else { Err(format!("{}\n{out}{err}", output.status)) }
}

fn source(path: &str) -> PathBuf {
    runner::project().join(path)
}

fn header() -> String {
    fs::read_to_string(&HOST.header).expect("a header")
}

/// The functions that a header declares.
fn declared(header: &str) -> BTreeSet<String> {
    let words = header.lines().filter(|line| !line.starts_with([' ', '#', '/']));
    let functions = words.filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next());
    functions.filter(|name| name.starts_with("wb_")).map(str::to_owned).collect()
}

/// The functions for C that a static library defines.
fn defined(archive: &Path) -> BTreeSet<String> {
    let bytes = fs::read(archive).expect("readable");
    let archive = ArchiveFile::parse(&*bytes).expect("an archive");
    let symbols = archive.symbols().expect("readable").expect("an index");
    let names =
        symbols.map(|symbol| String::from_utf8_lossy(symbol.expect("a symbol").name()).into());
    names.filter(|name: &String| name.starts_with("wb_")).collect()
}

#[test]
fn the_header_declares_exactly_what_the_library_defines() {
    let declared_by_all = declared(&header());
    println!("{} functions", declared_by_all.len());
    assert!(declared_by_all.len() >= 38);
    for library in [&*HOST, &*BARE] {
        assert_eq!(fs::read_to_string(&library.header).expect("a header"), header());
        assert_eq!(declared_by_all, defined(&library.archive));
    }
    let twin = header().replace("wb_status wb_log_clear(", "wb_status wb_log_wipe(");
    assert_ne!(declared(&twin), declared_by_all);
}

#[test]
fn every_function_and_type_has_its_comment() {
    fn uncommented(header: &str) -> Vec<&str> {
        let lines: Vec<_> = header.lines().collect();
        let item = |line: &str| line.contains(" wb_") || line.starts_with("typedef enum");
        let is_item = |line: &str| item(line) && !line.starts_with([' ', '}', '#', '/', 'W']);
        let pairs = lines.windows(2).filter(|pair| is_item(pair[1]) && pair[0] != " */");
        pairs.map(|pair| pair[1]).collect()
    }
    let header = header();
    assert_eq!(uncommented(&header), [""; 0]);
    let twin = header.replace(" */\nwb_status wb_log_clear(", "wb_status wb_log_clear(");
    assert_eq!(uncommented(&twin).len(), 1);
}

/// Begins and ends a batch, so that the functions are linked.
const CXX: &str = "\
#include \"wouldblock.h\"
int main()
{
    wb_cache cache;
    wb_batch batch;
    return wb_cache_get(&cache) || wb_batch_begin(&batch, &cache) || wb_batch_wait(&batch);
}
";

#[test]
fn the_header_is_cxx_too() {
    let program = |header: &str| {
        let desk = Desk::new();
        desk.put("wouldblock.h", header);
        let main = desk.put("main.cpp", CXX);
        let arguments = [&STRICT[..], &["-std=c++11", "-I", ".", "-o", "program"]].concat();
        desk.run("c++", &arguments, &[&main, &HOST.archive])?;
        desk.run("./program", &[], &[])
    };
    assert_eq!(program(&header()), Ok(String::new()));
    let error = program(&header().replace("extern \"C\" {", "inline namespace cxx {")).unwrap_err();
    assert!(error.contains("undefined reference"), "{error}");
}

#[test]
fn a_struct_of_another_layout_is_refused() {
    let desk = Desk::new();
    let main = desk.put("main.c", "#include \"wouldblock.h\"\nint main(void) { return 0; }\n");
    desk.put("wouldblock.h", &header());
    assert!(desk.program(&main, &[]).is_ok());
    for (from, to, check) in [
        ("opaque[5]", "opaque[4]", "sizeof(wb_batch)"),
        ("opaque[14]", "opaque[15]", "sizeof(wb_log)"),
        ("uint32_t extras;", "uint64_t extras;", "sizeof(wb_cache)"),
        ("wb_domain domain;", "uint64_t domain;", "sizeof(wb_region)"),
        ("uint32_t epoch;", "", "sizeof(wb_record)"),
        ("#define WB_LOG_SIZE 120", "#define WB_LOG_SIZE 128", "sizeof(wb_log)"),
        ("#define WB_CACHE_ALIGNMENT 4", "#define WB_CACHE_ALIGNMENT 8", "ALIGNMENT(wb_cache)"),
        ("  WB_READ_ONLY = 18,", "  WB_LAST = 0x100000000,", "sizeof(wb_status)"),
    ] {
        assert_eq!(header().matches(from).count(), 1, "{from}");
        desk.put("wouldblock.h", &header().replace(from, to));
        let error = desk.program(&main, &["-Wno-pedantic"]).expect_err(from);
        assert!(error.contains("static assertion failed") && error.contains(check), "{error}");
    }
}

/// The count in the first cache line of this file, and the records of the log behind it, as the library
/// in Rust reads them.
fn journal(file: &Path) -> Result<(u64, Vec<(u64, String)>), wouldblock::persist::log::Error> {
    #[repr(align(64))]
    struct Memory([u8; 4096]);
    let mut memory = Memory([0; 4096]);
    memory.0.copy_from_slice(&fs::read(file).expect("readable"));
    let (head, tail) = memory.0.split_at_mut(64);
    let cache = Cache::get().expect("every x86_64 CPU has CLFLUSH");
    let log = Log::recover(Region::new(tail, cache, Domain::MemoryController).expect("aligned"))?;
    let text = |record| {
        String::from_utf8_lossy(log.read(&record, &mut [0; 200]).expect("its own")).into_owned()
    };
    let records = log.records().map(|record| (record.sequence, text(record))).collect();
    Ok((u64::from_le_bytes(*head.first_chunk().expect("a line")), records))
}

/// Runs the journal program with these texts.
fn append(program: &Path, file: &Path, texts: &[&str]) -> String {
    let output = Command::new(program).arg(file).args(texts).output().expect("a program");
    said(output).unwrap_or_else(|error| panic!("{error}"))
}

fn numbered(first: u64, texts: &[&str]) -> Vec<(u64, String)> {
    (first..).zip(texts.iter().map(|&text| text.to_owned())).collect()
}

#[test]
fn a_program_keeps_a_journal_that_rust_reads() {
    let desk = Desk::new();
    let program = desk.program(&source("host-tests/c/journal.c"), &[]).expect("a program");
    let file = desk.path("file");
    assert_eq!(
        append(&program, &file, &["one", "two", "three"]),
        "run 1, shipped 0 times\n1: one\n2: two\n3: three\n"
    );
    assert_eq!(journal(&file), Ok((1, numbered(1, &["one", "two", "three"]))));
    assert_eq!(
        append(&program, &file, &["four"]),
        "run 2, shipped 0 times\n1: one\n2: two\n3: three\n4: four\n"
    );
    let (long, longer) = ("x".repeat(150), "y".repeat(160));
    let many: Vec<&str> = (0..25).map(|n| if n % 2 == 0 { &*long } else { &*longer }).collect();
    let said = append(&program, &file, &many);
    assert!(said.contains("run 3, shipped 1 times\n"), "{said}");
    // The shipped records are printed first. The later ones are in the log.
    let (runs, records) = journal(&file).expect("a log");
    assert_eq!((runs, records.last()), (3, numbered(29, &[&long]).last()));
    let line = |(sequence, text): &(u64, String)| format!("{sequence}: {text}\n");
    let expected = numbered(5, &many);
    let kept: String = expected[expected.len() - records.len()..].iter().map(line).collect();
    assert!(said.ends_with(&kept) && !records.is_empty() && records.len() < many.len());
    assert_eq!(said.lines().count(), 29 + 1);

    // A file that is no journal is refused and stays as it was.
    fs::write(&file, [9; 4096]).expect("written");
    let output = Command::new(&program).arg(&file).arg("text").output().expect("a program");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "log: WB_NOT_A_LOG\n");
}

#[test]
fn a_journal_that_does_not_write_is_found() {
    let desk = Desk::new();
    for call in ["wb_log_append", "wb_region_copy_persist"] {
        let twin = format!("#include \"wouldblock.h\"\n#define {call}(...) WB_OK\n");
        desk.put("twin.h", &twin);
        let options = ["-D_POSIX_C_SOURCE=200809L", "-include", "twin.h", "-Wno-unused"];
        let program = desk.program(&source("host-tests/c/journal.c"), &options).expect("a program");
        let file = desk.path(call);
        append(&program, &file, &["one", "two"]);
        assert_ne!(journal(&file), Ok((1, numbered(1, &["one", "two"]))), "{call}");
    }
}

#[test]
fn every_misuse_returns_its_status() {
    let desk = Desk::new();
    let answers = source("host-tests/c/answers.c");
    let program = desk.program(&answers, &[]).expect("a program");
    let said_of = |program: &Path| said(Command::new(program).output().expect("a program"));
    let right = said_of(&program);
    println!("{right:?}");
    assert!(right.expect("no wrong status").ends_with(" answers, 0 wrong\n"));

    for (twin, says) in [
        ("wb_batch_order(batch) WB_NULL", "answers WB_NULL, not WB_OK"),
        // Overlaps are not checked.
        (
            "wb_log_create(log, region) WB_OK",
            "wb_log_create(log, inside) answers WB_OK, not WB_OVERLAP",
        ),
        ("wb_region_drain(region) WB_OK", "wb_region_drain(inside) answers WB_OK, not WB_OVERLAP"),
        ("wb_log_next(log, record) WB_OK", "answers WB_OK, not WB_OVERLAP"),
        // A damaged log is taken for no log, and a cursor is not checked.
        ("wb_log_check(region) WB_NOT_A_LOG", "answers WB_NOT_A_LOG, not WB_DAMAGED"),
        ("wb_log_next(log, record) WB_END", "answers WB_END, not WB_STALE"),
        // The log is opened for writing.
        ("wb_log_open_read_only wb_log_recover", "answers WB_OK, not WB_READ_ONLY"),
    ] {
        desk.put("twin.h", &format!("#include \"wouldblock.h\"\n#define {twin}\n"));
        let options = ["-include", "twin.h", "-Wno-unused"];
        let program = desk.program(&answers, &options).expect("a program");
        let wrong = said_of(&program).expect_err("a wrong status");
        assert!(wrong.contains(says), "{twin}: {wrong}");
    }
}

/// Links the firmware as a project without Rust would: with `cc` and `ld` only.
fn firmware(twin: &str) -> (Desk, Rig) {
    let desk = Desk::new();
    desk.put("twin.h", &format!("#include \"wouldblock.h\"\n{twin}\n"));
    let header = BARE.folder.display().to_string();
    let options = ["-std=c11", "-fno-stack-protector", "-include", "twin.h", "-I", &header];
    let arguments = [&STRICT[..], &BARE_FLAGS, &options, &["-o", "firmware.o", "-c"]].concat();
    let compiled = desk.run("cc", &arguments, &[&source("qemu/c/firmware.c")]);
    let start = ["-o", "start.o", "-c"];
    let assembled = desk.run("cc", &start, &[&source("qemu/c/start.s")]);
    let script = source("qemu/boards/pc/board.x").display().to_string();
    let link = ["--gc-sections", "-T", &script, "-o", "firmware.elf", "start.o", "firmware.o"];
    let linked = desk.run("ld", &link, &[&BARE.archive]);
    for step in [compiled, assembled, linked] {
        assert_eq!(step, Ok(String::new()));
    }
    let firmware = Firmware { elf: desk.path("firmware.elf"), dictionary: Arc::default() };
    let rig = TOOLS.clone().rig(PC, firmware, Options::default());
    (desk, rig)
}

const TRAPPING: &str = "max,-clflush,-clflushopt,-clwb";

/// Boots the firmware on this CPU. Returns how it ended, and its output on COM1.
fn boot(rig: &Rig, cpu: &str) -> (Run, String) {
    boot_on(rig, cpu, Machine::Q35)
}

fn boot_on(rig: &Rig, cpu: &str, machine: Machine) -> (Run, String) {
    let mut rig = rig.clone();
    rig.options.cpu = Some(cpu.into());
    rig.options.machine = Some(machine);
    let said = Transcript::default();
    let boot = rig.boot("run", Duration::from_secs(60));
    let guest =
        Guest::boot(&boot, [Box::new(said.clone()), Box::new(io::sink())]).expect("a guest");
    let run = guest.run(drop).expect("a run");
    let said = String::from_utf8(said.bytes()).expect("UTF-8");
    println!("{cpu}: {:?}\n{said}", run.outcome);
    (run, said)
}

#[test]
fn a_firmware_in_c_flushes_and_recovers() {
    let (_desk, rig) = firmware("");
    for (cpu, flushes, [batch, persist]) in
        [(TRAPPING, "flushes trap", [201, 3]), ("max", "flushes are executed", [0, 0])]
    {
        let expected = format!(
            "{flushes}\nbatch: 201 lines, {batch} trapped\npersist: 3 lines, {persist} trapped\n\
             log: 200 acknowledged, 200 recovered\nfull with 290\n"
        );
        for machine in [Machine::Q35, Machine::Pc, Machine::Microvm] {
            let (run, said) = boot_on(&rig, cpu, machine);
            assert_eq!(run.outcome, Outcome::Complete, "{said}");
            assert_eq!(said, expected);
        }
    }
}

#[test]
fn a_firmware_that_does_not_flush_is_found() {
    for (twin, expected) in [
        // It forgets to persist.
        ("#define wb_region_persist(...) WB_OK", "does not hold: traps == "),
        // It takes the caches for persistent, which they are not on this machine.
        (
            "#define WB_DOMAIN_MEMORY_CONTROLLER WB_DOMAIN_CACHES",
            "persist: 3 lines, 0 trapped\ndoes not hold: traps == ",
        ),
        // Only its log takes them for persistent: the log is lost when the power fails.
        (
            "#define wb_log_create(log, region) \
             ((region)->domain = WB_DOMAIN_CACHES, wb_log_create(log, region))",
            "persist: 3 lines, 3 trapped\ndoes not hold: wb_log_recover(&log, &region) == WB_OK",
        ),
    ] {
        let (_desk, rig) = firmware(twin);
        let (run, said) = boot(&rig, TRAPPING);
        assert_eq!(run.outcome, Outcome::Panic, "{twin}: {said}");
        assert!(said.contains(expected), "{twin}: {said}");
    }
}

#[test]
fn a_firmware_that_exits_early_is_found() {
    let (_desk, rig) = firmware("#define wb_wbinvd() leave(SUCCESS)");
    assert_eq!(boot(&rig, "max").0.outcome, Outcome::Incomplete);
    let (_desk, rig) = firmware("#define wb_wbinvd() __asm__ volatile(\"ud2\")");
    assert_eq!(boot(&rig, "max").0.outcome, Outcome::Exception { number: 6 });
}

/// Links these symbols of the static library for firmware, with what they reach. Returns the panics
/// among them.
fn panics(symbols: &BTreeSet<String>) -> Vec<String> {
    let desk = Desk::new();
    let wanted = symbols.iter().flat_map(|symbol| ["-u", symbol]);
    let link = ["--gc-sections", "-e", "wb_status_name", "-o", "all.elf"];
    let arguments: Vec<&str> = link.into_iter().chain(wanted).collect();
    desk.run("ld", &arguments, &[&BARE.archive]).expect("linked");
    let bytes = fs::read(desk.path("all.elf")).expect("readable");
    let file = File::parse(&*bytes).expect("an ELF file");
    let names = file.symbols().filter_map(|symbol| symbol.name().ok().map(str::to_owned));
    let names: BTreeSet<String> = names.collect();
    assert!(symbols.is_subset(&names));
    println!("{} symbols", names.len());
    let is_panic = |name: &String| name.contains("rust_begin_unwind") || name.contains("panicking");
    names.into_iter().filter(is_panic).collect()
}

#[test]
fn nothing_for_c_can_panic() {
    let mut symbols = declared(&header());
    assert_eq!(panics(&symbols), [""; 0]);
    // With one function of `core` that panics.
    let bytes = fs::read(&BARE.archive).expect("readable");
    let archive = ArchiveFile::parse(&*bytes).expect("an archive");
    let mut all = archive.symbols().expect("readable").expect("an index");
    let planted = all.find_map(|symbol| {
        let name = String::from_utf8_lossy(symbol.expect("a symbol").name()).into_owned();
        name.contains("slice_index_fail").then_some(name)
    });
    symbols.insert(planted.expect("core has it"));
    assert!(panics(&symbols).iter().any(|name| name.contains("rust_begin_unwind")));
}

#[test]
fn the_command_prints_where_library_and_header_are_and_how_to_use_them() {
    let runner = |output: &Path| {
        let mut runner = Command::new(env!("CARGO_BIN_EXE_runner"));
        runner.args(["c", "--target", "bare", "--output"]).arg(output).output().expect("the runner")
    };
    let desk = Desk::new();
    let output = runner(&desk.path("made/here"));
    let text = said(output).expect("made");
    for word in
        ["made/here/wouldblock.h", "made/here/libwouldblock.a", "-mgeneral-regs-only", "ld "]
    {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(fs::read(desk.path("made/here/wouldblock.h")).expect("made"), header().into_bytes());

    let file = desk.put("file", "");
    let output = runner(&file.join("below"));
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cannot make the folder") && error.contains("what to do"), "{error}");
}
