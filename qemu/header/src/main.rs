//! Prints the header for C programs. It is generated from the library's source, and the
//! documentation of each function becomes a comment. This is a program of its own, so that
//! cbindgen, with its parser for Rust, is built only when the header is needed.

use cbindgen::{
    Builder, Config, DocumentationStyle, EnumConfig, ExportConfig, Language, RenameRule, Style,
};
use std::{path::Path, process::ExitCode};

/// The types and their names in C. Where C passes an enum, the Rust function takes a number,
/// because C may pass any number; in the header the parameter has the type of the enum.
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

/// The comment at the top of the header.
const TOP: &str = "\
/* wouldblock for C and C++: x86 cache flush, persistent memory and an append-only log.
 *
 * Generated from the library's source by `cargo run -- c`; do not edit. Link with libwouldblock.a.
 * The source has two examples: a program, host-tests/c/journal.c, and a firmware,
 * qemu/c/firmware.c.
 *
 * The model: a flush that was issued continues without the caller (asynchronous, non-blocking), and
 * an end waits for it (synchronous, blocking). One end serves any number of flushes.
 *
 * Every function that can fail returns a wb_status. A function that returns anything but WB_OK has
 * done nothing. (The only exception: a step that returns WB_WOULD_BLOCK has issued lines.) The
 * caller must meet the conditions under \"Safety\", which cannot be checked; otherwise the
 * behaviour is undefined. No function allocates. The library keeps nothing between calls but the
 * result of CPUID, so several threads may call it at once, as long as they do not use the same
 * struct or memory.
 */";

/// The text after the includes.
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

/// The structs whose layout the library states and the C compiler checks.
const STRUCTS: [&str; 5] = ["batch", "cache", "log", "record", "region"];

fn main() -> ExitCode {
    // cbindgen reads its modules too.
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
    // Status names are frequent in a program, so they are short.
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
            "/* Checks that the library and this compiler agree on the layout of every struct. */\n{}WB_CHECK(sizeof(wb_status) == sizeof(uint32_t));",
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
            // Functions use only their numbers, so cbindgen would leave them out.
            include: ["Domain", "Extra", "Instruction"].map(Into::into).into(),
            rename: NAMES.map(|(rust, c)| (rust.into(), c.into())).into(),
            ..ExportConfig::default()
        },
        ..Config::default()
    }
}
