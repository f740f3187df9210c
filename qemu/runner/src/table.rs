//! How the tour is shown: a line for each row as it comes, and the 2×2 table of the model at the end.

use crate::{
    board::Board,
    report::{Kind, Row},
};
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL};
use console::{Alignment, pad_str, style};
use indicatif::HumanCount;

/// The width of the output.
const WIDTH: u16 = 110;

/// The width of a row's name. A longer name moves its figures to the right.
const NAME: usize = 62;

/// The line above a group of rows.
pub fn heading(group: &str) -> String {
    let columns =
        format!("{:>10} {:>10} {:>13} {:>6}", "tries", "interrupts", "instructions", "asleep");
    format!(
        "\n{} {}",
        style(pad_str(group, NAME + 4, Alignment::Left, None)).bold(),
        style(columns).dim()
    )
}

/// The line of a row, with its note below if `with_note` or if the row does not hold.
pub fn line(row: &Row, with_note: bool) -> String {
    let mark = if row.holds { style("✓").green() } else { style("✗").red() };
    let name = pad_str(&row.row, NAME, Alignment::Left, None);
    let [tries, interrupts, instructions, asleep] =
        [row.tries, row.interrupts, row.foreground_instructions, row.asleep]
            .map(|figure| HumanCount(figure).to_string());
    let mut line =
        format!("  {mark} {name} {tries:>10} {interrupts:>10} {instructions:>13} {asleep:>6}");
    if with_note || !row.holds {
        line += &format!("\n      {}", style(row.note.replace('\n', "\n      ")).dim());
    }
    line
}

/// The line of a row that this machine cannot run.
pub fn not_run(row: &str, why: &str) -> String {
    let name = pad_str(row, NAME, Alignment::Left, None);
    style(format!("  - {name} not run: {why}")).dim().to_string()
}

/// The line above what a board prints, where there are several.
pub fn board(board: &Board) -> String {
    format!("\n{}: {}", style(board.name).bold().underlined(), board.cpu)
}

/// The table of the model: every call that holds, in its cell.
pub fn model(rows: &[Row]) -> String {
    let calls = |kind: Kind| {
        let mut calls: Vec<&str> = Vec::new();
        for row in rows.iter().filter(|row| row.kind == kind && row.holds) {
            if !calls.contains(&row.call.as_str()) {
                calls.push(&row.call);
            }
        }
        calls.join(", ")
    };
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL.with_solid_inner_borders())
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(["", "synchronous: in the foreground", "asynchronous: in the background"])
        .add_row(["blocking:\nuntil done".into(), calls(Kind::Blocking), "does not exist".into()])
        .add_row([
            "non-blocking:\none try".into(),
            calls(Kind::NonBlocking),
            calls(Kind::Asynchronous),
        ]);
    let concurrency = calls(Kind::Concurrency);
    if concurrency.is_empty() {
        table.to_string()
    } else {
        format!("{table}\nconcurrency on one core: {concurrency}")
    }
}

/// The last line: how many rows hold.
pub fn verdict(rows: &[Row]) -> String {
    let holding = rows.iter().filter(|row| row.holds).count();
    let verdict = style(format!("{holding} of {} rows hold", rows.len())).bold();
    if holding == rows.len() { verdict.green() } else { verdict.red() }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: Kind, call: &str, holds: bool) -> Row {
        Row {
            row: format!("the call {call}"),
            kind,
            call: call.into(),
            holds,
            tries: 16_522_759,
            interrupts: 0,
            foreground_instructions: 99_136_572,
            asleep: 0,
            host_input: false,
            note: "checked".into(),
        }
    }

    fn plain(text: &str) -> String {
        console::strip_ansi_codes(text).into_owned()
    }

    #[test]
    fn figures_are_below_their_headings() {
        let heading = plain(&heading("blocking synchronous"));
        let line = plain(&line(&row(Kind::Blocking, "sum()", true), false));
        let end =
            |text: &str, word: &str| text[..text.find(word).unwrap() + word.len()].chars().count();
        let heading = heading.trim_start_matches('\n');
        assert_eq!(end(heading, "tries"), end(&line, "16,522,759"));
        assert_eq!(end(heading, "instructions"), end(&line, "99,136,572"));
    }

    #[test]
    fn a_row_that_does_not_hold_says_what_was_checked() {
        assert!(!line(&row(Kind::Asynchronous, "start()", true), false).contains("checked"));
        assert!(line(&row(Kind::Asynchronous, "start()", true), true).contains("checked"));
        assert!(line(&row(Kind::Asynchronous, "start()", false), false).contains("checked"));
    }

    #[test]
    fn the_model_names_each_call_once_in_its_cell() {
        let rows = [
            row(Kind::Blocking, "sum()", true),
            row(Kind::Blocking, "send()", true),
            row(Kind::NonBlocking, "try_send()", true),
            row(Kind::Asynchronous, "start()", true),
            row(Kind::Asynchronous, "start()", true),
            row(Kind::Asynchronous, "lost()", false),
            row(Kind::Concurrency, "two jobs", true),
        ];
        let model = model(&rows);
        assert!(
            model
                .lines()
                .any(|line| line.contains("sum(), send()") && line.contains("does not exist")),
            "{model}"
        );
        assert!(
            model.lines().any(|line| line.contains("try_send()") && line.contains("start()")),
            "{model}"
        );
        assert_eq!(model.matches("start()").count(), 1, "{model}");
        assert!(!model.contains("lost()") && model.contains("two jobs"), "{model}");
        assert!(model.lines().all(|line| line.chars().count() <= WIDTH.into()), "{model}");
    }

    #[test]
    fn the_verdict_counts() {
        let rows = [row(Kind::Asynchronous, "a", true), row(Kind::Asynchronous, "b", false)];
        assert_eq!(plain(&verdict(&rows)), "1 of 2 rows hold");
    }
}
