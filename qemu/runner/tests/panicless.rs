//! No panic in the interrupt paths: a linked file with everything that handlers call contains no panic
//! handler, since nothing reaches it. With one index that can be out of bounds, the file contains it.

use object::{Object, ObjectSymbol, SymbolKind, read::File};
use runner::{
    cargo,
    setup::{self, Needs},
    toolchain::TARGET,
};
use std::fs;

/// The symbols of the handlers.
const HANDLERS: [&str; 11] = [
    "handler_event",
    "handler_broadcast",
    "handler_slot",
    "handler_inline",
    "handler_line",
    "handler_slots",
    "handler_uart",
    "handler_mutex",
    "handler_shared_channel",
    "handler_send",
    "handler_receive",
];

/// A part of the panic handler's symbol. Every panic of Rust code ends there.
const PANIC_HANDLER: &str = "rust_begin_unwind";

/// The functions in `binary` of the package `panicless`. Each of `handlers` is among them.
fn functions(binary: &str, handlers: &[&str]) -> Vec<String> {
    let toolchain = setup::tools(Needs::BUILD).expect("a toolchain").toolchain;
    let mut build = cargo::command(&toolchain, &runner::project().join("qemu"), "build");
    build.args(["--release", "--package", "panicless", "--target", TARGET, "--bin", binary]);
    let elf = cargo::run(build, &format!("linking `{binary}`")).expect("a build").expect("a file");
    let bytes = fs::read(elf).expect("an ELF file");
    let file = File::parse(&*bytes).expect("an ELF file");
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    let names = functions.filter_map(|symbol| symbol.name().ok().map(str::to_owned));
    let names: Vec<_> = names.collect();
    for handler in handlers {
        assert!(names.iter().any(|name| name == handler), "{handler} is not linked");
    }
    println!(
        "{binary}: {} handlers, {} functions, {:?}",
        handlers.len(),
        names.len(),
        panics(&names)
    );
    names
}

/// The panic handler and the functions that panic.
fn panics(functions: &[String]) -> Vec<&String> {
    let is_panic = |name: &&String| name.contains(PANIC_HANDLER) || name.contains("panicking");
    functions.iter().filter(is_panic).collect()
}

#[test]
fn no_handler_can_panic() {
    assert_eq!(panics(&functions("handlers", &HANDLERS)), [""; 0]);
}

#[test]
fn a_planted_panic_is_found() {
    let functions = functions("planted", &[&HANDLERS[..], &["handler_planted"]].concat());
    assert!(functions.iter().any(|name| name.contains(PANIC_HANDLER)));
}
