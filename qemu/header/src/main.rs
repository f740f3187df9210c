//! Prints the header for programs in C, made from the library's own source: the documentation of each
//! function becomes a comment. A program of its own, so that only what needs the header builds the
//! parser of Rust that makes it.

use cbindgen::{
    Builder, Config, DocumentationStyle, EnumConfig, ExportConfig, Language, RenameRule, Style,
};
use std::{path::Path, process::ExitCode};

/// The types, and what they are called in C. What a function takes as a number, since C may hand
/// over any, is for C the enum.
const NAMES: [(&str, &str); 13] = [
    ("Batch", "wb_batch"),
    ("Cache", "wb_cache"),
    ("Domain", "wb_domain"),
    ("DomainNumber", "wb_domain"),
    ("Extra", "wb_extra"),
    ("Instruction", "wb_instruction"),
    ("InstructionNumber", "wb_instruction"),
    ("Log", "wb_log"),
    ("MakeRoom", "wb_make_room"),
    ("Record", "wb_record"),
    ("Region", "wb_region"),
    ("Status", "wb_status"),
    ("StatusNumber", "wb_status"),
];

/// What stands on top.
const TOP: &str = "\
/* wouldblock for C and C++: x86 cache flush, persistent memory and an append-only log.
 *
 * Generated from the library's source by `cargo run -- c`; do not edit. Link with libwouldblock.a.
 * Beside the source are a program that uses it, host-tests/c/journal.c, and a firmware,
 * qemu/c/firmware.c.
 *
 * The model: a flush that was issued goes on by itself (asynchronous, non-blocking), and an end
 * waits for it (synchronous, blocking). One end serves any number of flushes.
 *
 * Every function that can fail returns a wb_status; with any but WB_OK nothing was done (only a
 * step that returns WB_WOULD_BLOCK has issued lines). What cannot be checked is listed under
 * \"Safety\": it is the caller's word, and undefined behaviour if it is not kept. No function
 * allocates, and none keeps anything but what CPUID said: two threads may call at once as long as
 * they do not use the same struct or memory.
 */";

/// What follows the includes.
const CHECKS: &str = "\
#ifndef __x86_64__
#error \"wouldblock's functions for C are for x86_64\"
#endif

#ifdef __cplusplus
#define WB_CHECK(holds) static_assert(holds, #holds)
#define WB_ALIGNMENT(type) alignof(type)
#else
#define WB_CHECK(holds) _Static_assert(holds, #holds)
#define WB_ALIGNMENT(type) _Alignof(type)
#endif";

/// The structs whose layout the library states, and C checks.
const STRUCTS: [&str; 5] = ["batch", "cache", "log", "record", "region"];

fn main() -> ExitCode {
    // And its modules.
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/c/mod.rs");
    match generate(&source) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("no header can be made of {}: {why}", source.display());
            ExitCode::FAILURE
        }
    }
}

/// The text of `wouldblock.h`.
fn generate(source: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let bindings = Builder::new().with_config(config()).with_src(source).generate()?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    // A status is in every other line of a program, so its names are short.
    Ok(String::from_utf8(text)?.replace("WB_STATUS_", "WB_"))
}

fn config() -> Config {
    let checks = STRUCTS.map(|name| {
        let constant = name.to_uppercase();
        format!(
            "WB_CHECK(sizeof(wb_{name}) == WB_{constant}_SIZE);\n\
             WB_CHECK(WB_ALIGNMENT(wb_{name}) == WB_{constant}_ALIGNMENT);\n"
        )
    });
    Config {
        language: Language::C,
        cpp_compat: true,
        header: Some(TOP.into()),
        include_guard: Some("WOULDBLOCK_H".into()),
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        after_includes: Some(format!("\n{CHECKS}")),
        trailer: Some(format!(
            "/* The library and this compiler agree on every struct. */\n{}WB_CHECK(sizeof(wb_status) == sizeof(uint32_t));",
            checks.concat()
        )),
        style: Style::Type,
        usize_is_size_t: true,
        line_length: 100,
        documentation_style: DocumentationStyle::Doxy,
        enumeration: EnumConfig {
            rename_variants: RenameRule::QualifiedScreamingSnakeCase,
            ..EnumConfig::default()
        },
        export: ExportConfig {
            exclude: ["DomainNumber", "InstructionNumber", "StatusNumber"].map(Into::into).into(),
            // Only their numbers are used.
            include: ["Domain", "Extra", "Instruction"].map(Into::into).into(),
            rename: NAMES.map(|(rust, c)| (rust.into(), c.into())).into(),
            ..ExportConfig::default()
        },
        ..Config::default()
    }
}
