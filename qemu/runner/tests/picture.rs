//! What the guest records of a row, and the page that is drawn from it.

use runner::{
    board::PC,
    boot::{Options, Rig},
    guest::{Guest, nowhere},
    picture::{Entry, Picture, page, recording::Recording},
    report::{Report, Row, Stretch},
};
use std::time::Duration;

/// A generous limit: a tour takes a second, and a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(300);

/// The rows of a tour, with what was recorded of each.
fn tour(binary: &str) -> Vec<(Row, Option<Recording>)> {
    let rig = Rig::set_up(binary, PC, Options::default()).expect("a firmware");
    let boot = rig.boot("tour", LIMIT);
    let (mut unfinished, mut complete) = (Recording::default(), None);
    let mut rows = Vec::new();
    let run = Guest::boot(&boot, nowhere()).expect("a guest").run(|report| match report {
        Report::Row(row) => rows.push((row, complete.take())),
        report => complete = unfinished.add(&report).or(complete.take()),
    });
    run.expect("a guest that ends").success().expect("a guest that succeeds");
    rows
}

/// Whether each figure of the row that its recording has is the sum of what was recorded.
fn sums_to(recording: &Recording, row: &Row) -> bool {
    let figures = recording.figures();
    [
        (figures.tries, row.tries),
        (figures.interrupts, row.interrupts),
        (figures.instructions, row.foreground_instructions),
        (figures.asleep, row.asleep),
    ]
    .into_iter()
    .all(|(recorded, reported)| recorded.is_none_or(|recorded| recorded == reported))
}

#[test]
fn what_is_recorded_sums_to_the_figures_of_the_row() {
    let recorded = tour("picture");
    assert!(recorded.iter().all(|(row, _)| row.holds));
    let mut drawn = 0;
    for (row, recording) in &recorded {
        let recording = recording.as_ref().expect("each row is recorded");
        assert!(sums_to(recording, row), "{row:?}: {:?}", recording.figures());
        drawn += u32::from(recording.length() > 0);

        // The same with one stretch less, and with one more.
        let mut other = recording.clone();
        let tried = |stretch: &Stretch| stretch.tries > 0;
        let place = other
            .sections
            .iter()
            .rposition(|section| section.counts.tries && section.stretches.iter().any(tried));
        if let Some(place) = place {
            other.sections[place].stretches.push(Stretch { tries: 1, ..Stretch::default() });
            assert!(!sums_to(&other, row), "{row:?}");
            other.sections[place].stretches.retain(|stretch| !tried(stretch));
            assert!(!sums_to(&other, row), "{row:?}");
        }
    }
    // All but the one that only looks at what the others have left.
    assert_eq!(drawn as usize, recorded.len() - 1);

    // Without the recorder the same rows have the same events, and nothing is recorded. What depends on
    // the host, or on how often a loop comes round until a device has ended, is not the same.
    let plain = tour("tour");
    assert!(plain.iter().all(|(_, recording)| recording.is_none()));
    let rows = |tour: &[(Row, Option<Recording>)]| -> Vec<_> {
        let steady = tour.iter().filter(|(row, _)| !row.host_input && row.tries < 1_000);
        steady.map(|(row, _)| (row.row.clone(), row.tries, row.interrupts, row.asleep)).collect()
    };
    assert_eq!(rows(&plain), rows(&recorded));

    let entries = recorded.into_iter().map(|(row, recording)| Entry::Run { row, recording });
    let entries: Vec<_> = entries.collect();
    let page = page(&[Picture { name: "pc".into(), board: "pc".into(), entries }]);
    assert_eq!(page.matches("class=\"timeline\"").count(), drawn as usize);
}
