//! Each example runs as a user runs it, and ends by saying what it has shown.

use std::process::Command;

/// What the example printed, which ended well and said so in its last line.
fn run(name: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", name])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    let (printed, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let Some(last) = shown(output.status.success(), &printed) else {
        panic!(
            "{name}: {}, and it does not say what it has shown:\n{printed}{said}",
            output.status
        );
    };
    println!("{name}: {last}");
    printed.into_owned()
}

/// The last line of an example that has ended well.
fn shown(ended_well: bool, printed: &str) -> Option<&str> {
    printed.lines().last().filter(|last| ended_well && last.starts_with("shown: "))
}

#[test]
fn twins_an_example_that_fails_or_stops_early() {
    let whole = "one\nshown: all\n";
    assert_eq!(shown(true, whole), Some("shown: all"));
    assert_eq!(shown(false, whole), None);
    assert_eq!(shown(true, "one\n"), None);
    assert_eq!(shown(true, "shown: all\nand one more\n"), None);
    assert_eq!(shown(true, ""), None);
}

#[test]
fn a_driver_with_its_fake_in_all_forms() {
    let printed = run("driver");
    assert!(printed.ends_with("0 wake-ups lost; 2 twins caught\n"), "{printed}");
    let swept =
        printed.lines().filter(|line| line.ends_with(": 0 lost, 0 stuck, 0 torn, 0 failed"));
    assert_eq!(swept.count(), 4, "{printed}");
}

#[test]
fn a_socket_asleep_in_poll() {
    let printed = run("socket");
    assert!(printed.contains("timed out, asleep in poll(2)"), "{printed}");
    assert!(printed.ends_with("in 4 forms, and no thread of ours spun\n"), "{printed}");
}

#[test]
fn an_nb_driver_awaited() {
    let printed = run("nb_driver");
    assert!(printed.starts_with("awaited "), "{printed}");
    assert!(printed.ends_with("unchanged, in 5 forms\n"), "{printed}");
}

#[test]
fn cache_flush_with_overlap() {
    let printed = run("cache_flush");
    if cfg!(target_arch = "x86_64") {
        assert!(printed.contains("lines flushed beside other work, by one end"), "{printed}");
    }
}

/// An example that is not run here is found.
#[test]
fn there_is_no_other_example() {
    let examples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples"));
    let mut names: Vec<_> = examples
        .expect("the folder of the examples")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    assert_eq!(names, ["cache_flush.rs", "driver", "nb_driver.rs", "socket.rs"]);
}
