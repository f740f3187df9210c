//! The guide: each page is found, ends in something that runs, and has no diagram that is wider than a
//! page of rustdoc's.

use std::{fs, path::Path};

/// Columns that fit into rustdoc's page.
const WIDEST: usize = 85;

/// What is wrong with a page.
fn faults(page: &str) -> Vec<String> {
    let text: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let mut faults = Vec::new();
    if !text.first().is_some_and(|first| first.starts_with("# ")) {
        faults.push("it does not begin with its title".to_owned());
    }
    let mut language = None;
    let mut last = None;
    for line in &text {
        match (line.strip_prefix("```"), language) {
            (Some(begun), None) => language = Some(begun),
            (Some(_), Some(ended)) => (last, language) = (Some(ended), None),
            (None, Some("text")) if line.chars().count() > WIDEST => {
                faults.push(format!("wider than {WIDEST} columns: {line}"));
            }
            _ => {}
        }
    }
    if last != Some("") {
        faults.push(format!("it does not end in something that runs, but in {last:?}"));
    }
    faults
}

#[test]
fn each_page_ends_in_something_that_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/guide");
    let contents = fs::read_to_string(folder.join("mod.rs")).expect("the table of contents");
    let mut pages = 0;
    for entry in fs::read_dir(folder).expect("the guide") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        if name == "mod" {
            continue;
        }
        let page = fs::read_to_string(&path).expect("a page");
        assert_eq!(faults(&page), [""; 0], "{name}");
        assert!(contents.contains(&format!("]({name})")), "{name} is not in the table of contents");
        pages += 1;
    }
    assert_eq!(pages, 19);
}

/// The lines of a page's first block of text that are not in `source`, in the order of the page.
fn not_in(page: &str, source: &str) -> Vec<String> {
    let block = page.split("//! ```text\n").nth(1).expect("a block").split("//! ```").next();
    let mut rest = source.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = block.expect("its end").lines().map(|line| line.trim_start_matches("//!").trim());
    let lines = lines.filter(|line| !line.is_empty());
    lines.filter(|line| !rest.by_ref().any(|of| of == *line)).map(str::to_owned).collect()
}

#[test]
fn the_page_on_rtic_shows_lines_of_the_program_that_boots() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("src/guide/rtic.rs")).expect("a page");
    let program = fs::read_to_string(root.join("qemu/rtic/src/main.rs")).expect("a program");
    assert_eq!(not_in(&page, &program), [""; 0]);
    let other = program.replace("priority = 3", "priority = 1");
    assert_ne!(not_in(&page, &other), [""; 0], "the twin: another priority");
}

#[test]
fn twins_pages_with_one_fault_each() {
    let good = "//! # Title\n//!\n//! ```text\n//! a diagram\n//! ```\n//!\n//! ```\n//! assert!(true);\n//! ```\n";
    assert_eq!(faults(good), [""; 0]);
    let wide = good.replace("a diagram", &"─".repeat(WIDEST + 1));
    assert_eq!(faults(&wide).len(), 1);
    assert_eq!(faults(&good.replace("# Title", "Title")).len(), 1);
    assert_eq!(faults(&good.replace("```\n//! assert", "```ignore\n//! assert")).len(), 1);
}
