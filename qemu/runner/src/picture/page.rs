//! The page: the table of the model, the words, and each row with its figures and its time line.

use super::{
    Text, count, number,
    recording::{Figures, Recording},
    timeline::{self, NAMESPACE},
};
use crate::report::{Absent, Kind, Row, Stretch};
use std::fmt::Write;

/// Stretches up to which a time line is also a table.
const LISTED: usize = 48;

/// A tour of a board with its recordings.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The name of the board.
    pub name: String,
    /// The board, in words.
    pub board: String,
    /// The rows, in the order of the tour.
    pub entries: Vec<Entry>,
}

/// A row of the tour.
#[derive(Clone, Debug)]
pub enum Entry {
    /// It was run.
    Run {
        /// Its figures, from the run without a recorder.
        row: Row,
        /// What was recorded in another run.
        recording: Option<Recording>,
    },
    /// This machine cannot run it.
    Absent(Absent),
}

impl Entry {
    fn kind(&self) -> Kind {
        match self {
            Self::Run { row, .. } => row.kind,
            Self::Absent(absent) => absent.kind,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Run { row, .. } => &row.row,
            Self::Absent(absent) => &absent.row,
        }
    }
}

/// The kinds in the order of the page, with what the foreground does.
const KINDS: [(Kind, &str, &str); 5] = [
    (
        Kind::Blocking,
        "Blocking, synchronous",
        "The foreground tries until the operation is done. Between two tries it may sleep.",
    ),
    (
        Kind::BlockingAsynchronous,
        "Blocking, asynchronous",
        "Does not exist: when a blocking call returns, nothing is left in the background.",
    ),
    (
        Kind::NonBlocking,
        "Non-blocking, synchronous",
        "The foreground tries once. The result may be “not yet”.",
    ),
    (
        Kind::Asynchronous,
        "Non-blocking, asynchronous",
        "The foreground starts the operation. Handlers and devices continue it.",
    ),
    (Kind::Concurrency, "Concurrency", "Several operations are in flight on one core."),
];

/// What a bar can mean: its class, its name, and what it means.
const LEGEND: [(&str, &str, &str); 6] = [
    ("working", "working", "the foreground does something else than to try"),
    ("trying", "trying", "the foreground makes a try"),
    ("asleep", "asleep", "the core sleeps until an interrupt"),
    ("handling", "handler", "an interrupt handler runs; it may make tries, too"),
    ("flight", "in flight", "a device or DMA is at work for an operation"),
    ("flush", "cache flush", "the cache writes lines back"),
];

/// The page of these tours.
pub fn page(pictures: &[Picture]) -> String {
    let mut page = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n");
    page += "<meta charset=\"utf-8\"/>\n";
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";
    page += "<meta name=\"color-scheme\" content=\"light dark\"/>\n";
    page += "<link rel=\"icon\" href=\"data:,\"/>\n";
    page += "<title>wouldblock: how each form waits</title>\n";
    _ = writeln!(page, "<style>\n{}</style>\n</head>\n<body>", include_str!("style.css"));
    page += PATTERNS;
    page += "<header>\n<h1>How each form waits</h1>\n<p>One try of an operation, and what the library makes of it: \
             what the foreground and the background do, in exact instructions.</p>\n";
    if pictures.len() > 1 {
        page += "<nav aria-label=\"boards\"><ul>";
        for Picture { name, .. } in pictures {
            _ = write!(page, "<li><a href=\"#{0}\">{0}</a></li>", Text(name));
        }
        page += "</ul></nav>\n";
    }
    page += "</header>\n<main>\n";
    for (index, picture) in pictures.iter().enumerate() {
        picture.head(&mut page);
        picture.model(&mut page);
        if index == 0 {
            legend(&mut page);
        }
        picture.rows(&mut page);
    }
    page += "</main>\n";
    _ = writeln!(page, "<script>\n//<![CDATA[\n{}//]]>\n</script>", include_str!("script.js"));
    page += "</body>\n</html>\n";
    page
}

impl Picture {
    fn rows(&self, page: &mut String) {
        for (kind, title, words) in KINDS {
            let entries: Vec<_> = self.of(kind).collect();
            if entries.is_empty() {
                continue;
            }
            let id = format!("{}-{}", Text(&self.name), kind.name().replace(' ', "-"));
            _ = writeln!(
                page,
                "<section aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{title}</h3>\n<p>{words}</p>",
            );
            for (index, entry) in entries {
                article(page, &self.id(index), entry);
            }
            page.push_str("</section>\n");
        }
    }

    /// The id of a row's article.
    fn id(&self, index: usize) -> String {
        format!("{}-row-{index}", Text(&self.name))
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(move |(_, entry)| entry.kind() == kind)
    }

    fn head(&self, page: &mut String) {
        let run: Vec<_> = self
            .entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Run { row, .. } => Some(row.holds),
                Entry::Absent(_) => None,
            })
            .collect();
        let hold = run.iter().filter(|holds| **holds).count();
        _ = writeln!(
            page,
            "<h2 id=\"{}\">{}: {hold} of {} rows hold</h2>",
            Text(&self.name),
            Text(&self.board),
            run.len(),
        );
    }

    /// The table, with the rows of each cell.
    fn model(&self, page: &mut String) {
        let calls = |kind: Kind| {
            let mut list = String::from("<ul>");
            for (index, entry) in self.of(kind) {
                let (call, name) = match entry {
                    Entry::Run { row, .. } if row.call != "does not exist" => {
                        (format!("<code>{}</code>", Text(&row.call)), entry.name())
                    }
                    _ => (String::new(), entry.name()),
                };
                let absent = if matches!(entry, Entry::Absent(_)) { " (not run)" } else { "" };
                _ = write!(
                    list,
                    "<li><a href=\"#{}\">{call} <span>{}{absent}</span></a></li>",
                    self.id(index),
                    Text(name),
                );
            }
            list + "</ul>"
        };
        _ = writeln!(
            page,
            "<div class=\"model\">\n<table>\n<caption>Where an operation runs, and how much effort one call spends</caption>\n\
             <thead><tr><td></td><th scope=\"col\">synchronous: <span>in the foreground</span></th>\
             <th scope=\"col\">asynchronous: <span>in the background</span></th></tr></thead>\n<tbody>\n\
             <tr><th scope=\"row\">blocking: <span>until done</span></th><td>{}</td>\
             <td class=\"void\"><strong>does not exist</strong>{}</td></tr>\n\
             <tr><th scope=\"row\">non-blocking: <span>one try</span></th><td>{}</td><td>{}</td></tr>\n</tbody>\n</table>",
            calls(Kind::Blocking),
            calls(Kind::BlockingAsynchronous),
            calls(Kind::NonBlocking),
            calls(Kind::Asynchronous),
        );
        if self.of(Kind::Concurrency).next().is_some() {
            _ = writeln!(
                page,
                "<div class=\"beyond\"><strong>Concurrency on one core</strong>{}</div>",
                calls(Kind::Concurrency),
            );
        }
        page.push_str("</div>\n");
    }
}

fn legend(page: &mut String) {
    page.push_str(
        "<section class=\"legend\" aria-labelledby=\"legend\">\n<h3 id=\"legend\">How to read a time line</h3>\n<dl>\n",
    );
    for (class, name, meaning) in LEGEND {
        _ = writeln!(
            page,
            "<div><dt><svg xmlns=\"{NAMESPACE}\" class=\"swatch\" width=\"34\" height=\"18\" aria-hidden=\"true\">\
             <svg class=\"bar {class}\" width=\"34\" height=\"18\"><rect width=\"100%\" height=\"100%\"/></svg></svg> {name}</dt>\
             <dd>{meaning}</dd></div>",
        );
    }
    page.push_str(
        "</dl>\n<p>Time goes to the right. The number in a bar is its length in instructions. Widths are logarithmic, so that a try of \
         50 instructions is seen beside a sleep of 100 million; <span class=\"scripted\">the button “to scale” changes that.</span> \
         While the core sleeps or a device works, an instruction stands for the time that one takes. \
         A bar in layers is a stretch in which more happened than the recorder has room for: the layers are roughly the shares of each kind, \
         and their order is not known.</p>\n\
         <p>A row is run twice. The figures above a time line come from a run without a recorder. The time line comes from a run with it: \
         what the recorder itself executes is left out of the bars, but a device does not wait meanwhile, so a row that is busy \
         until a device has ended finds time for fewer tries. At their edges both ways to measure count some instructions of their own: \
         a few for each section, sleep and interrupt.</p>\n</section>\n",
    );
}

fn article(page: &mut String, id: &str, entry: &Entry) {
    let (row, recording) = match entry {
        Entry::Absent(Absent { row, why, .. }) => {
            _ = writeln!(
                page,
                "<article id=\"{id}\" class=\"absent\">\n<h4>{}</h4>\n<p>Not run: {}.</p>\n</article>",
                Text(row),
                Text(why),
            );
            return;
        }
        Entry::Run { row, recording } => (row, recording.as_ref()),
    };
    let mark = if row.holds { "✓ holds" } else { "✗ does not hold" };
    _ = writeln!(
        page,
        "<article id=\"{id}\">\n<h4><code>{}</code> {}</h4>\n<p><strong>{mark}</strong>: {}.</p>",
        Text(&row.call),
        Text(&row.row),
        Text(row.note.trim_end_matches('.')),
    );
    let drawn = recording.filter(|recording| recording.length() > 0);
    figures(page, row, drawn.map(Recording::figures));
    let Some(recording) = drawn else {
        page.push_str(
            "<p class=\"remark\">A check without a time line of its own.</p>\n</article>\n",
        );
        return;
    };
    let summary = summary(recording);
    _ = writeln!(
        page,
        "<figure>\n{}\n<figcaption>{}</figcaption>\n</figure>",
        timeline::draw(recording, &summary),
        Text(&summary),
    );
    table(page, recording);
    page.push_str("</article>\n");
}

/// The figures of the row, and below them those of the time line if they differ.
fn figures(page: &mut String, row: &Row, drawn: Option<Figures>) {
    let Row { tries, interrupts, foreground_instructions: instructions, asleep, .. } = *row;
    page.push_str(
        "<table class=\"figures\">\n<thead><tr><td></td><th scope=\"col\">tries</th><th scope=\"col\">interrupts</th>\
         <th scope=\"col\">instructions</th><th scope=\"col\">asleep</th></tr></thead>\n<tbody>\n",
    );
    let mut line = |title: &str, class: &str, cells: [Option<u64>; 4]| {
        _ = write!(page, "<tr class=\"{class}\"><th scope=\"row\">{title}</th>");
        for cell in cells {
            let cell = cell.map_or("–".into(), number);
            _ = write!(page, "<td>{cell}</td>");
        }
        page.push_str("</tr>\n");
    };
    let reported = [tries, interrupts, instructions, asleep];
    line("tour", "tour", reported.map(Some));
    let cells = drawn.map(|f| [f.tries, f.interrupts, f.instructions, f.asleep]);
    if let Some(cells) = cells {
        line("time line", "drawn", cells);
    }
    page.push_str("</tbody>\n</table>\n");
    let remark = match cells {
        Some(cells) if cells == reported.map(Some) => {
            "The bars sum to exactly the figures of the tour."
        }
        Some(_) if row.host_input => {
            "The bars sum to the second line. The first is of another run: this row depends on when the host sends."
        }
        Some(cells) if cells.iter().any(Option::is_none) => {
            "The bars sum to the second line. What counts as a try of this row has no mark on the time line."
        }
        Some(_) => "The bars sum to the second line, of the run with the recorder.",
        None => return,
    };
    _ = writeln!(page, "<p class=\"remark\">{remark}</p>");
}

/// What a time line shows, in words.
fn summary(recording: &Recording) -> String {
    let mut sum = Stretch::default();
    for stretch in recording.sections.iter().flat_map(|section| &section.stretches) {
        sum.working += stretch.working;
        sum.trying += stretch.trying;
        sum.asleep += stretch.asleep;
        sum.handling += stretch.handling;
        sum.tries += stretch.tries;
        sum.sleeps += stretch.sleeps;
        sum.interrupts += stretch.interrupts;
    }
    let mut words = vec![format!("Foreground: working {}", number(sum.working))];
    if sum.trying > 0 {
        words.push(format!("trying {}", number(sum.trying)));
    }
    if sum.asleep > 0 {
        let times = count(sum.sleeps, "time", "times");
        words.push(format!("asleep {} ({times})", number(sum.asleep)));
    }
    let mut summary = words.join(", ") + ".";
    let mut background = Vec::new();
    if sum.handling > 0 {
        let handlers = count(sum.interrupts, "handler", "handlers");
        background.push(format!("{handlers}, {}", number(sum.handling)));
    }
    let mut names: Vec<(&str, u64)> = Vec::new();
    for flight in &recording.flights {
        let name = timeline::name(&flight.what);
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => *times += 1,
            None => names.push((name, 1)),
        }
    }
    for (name, times) in names {
        background.push(if times == 1 { name.into() } else { format!("{name} ({times} times)") });
    }
    if !background.is_empty() {
        summary += &format!(" Background: {}.", background.join("; "));
    }
    let recorded = recording.recorded;
    summary
        + &format!(
            " Left out: {} of the recorder, {}.",
            count(recorded.marks, "mark", "marks"),
            count(recorded.instructions, "instruction", "instructions"),
        )
}

/// The time line as a table, for those who do not see it.
fn table(page: &mut String, recording: &Recording) {
    let stretches: usize = recording.sections.iter().map(|section| section.stretches.len()).sum();
    let each = stretches <= LISTED;
    let title = if each { "each stretch" } else { "each section" };
    _ = writeln!(
        page,
        "<details>\n<summary>{title} as a table</summary>\n<div class=\"scroll\"><table class=\"stretches\">\n<thead><tr>\
         <th scope=\"col\">from</th><th scope=\"col\">working</th><th scope=\"col\">trying</th><th scope=\"col\">asleep</th>\
         <th scope=\"col\">handler</th><th scope=\"col\">tries</th><th scope=\"col\">sleeps</th><th scope=\"col\">interrupts</th></tr></thead>",
    );
    let mut at = 0;
    for (index, section) in recording.sections.iter().enumerate() {
        _ = writeln!(
            page,
            "<tbody><tr><th colspan=\"8\" scope=\"rowgroup\">section {}: {}</th></tr>",
            index + 1,
            timeline::caption(section.counts),
        );
        let mut sum = Stretch::default();
        let mut line = |from: u64, stretch: &Stretch| {
            let Stretch { working, trying, asleep, handling, tries, sleeps, interrupts } = *stretch;
            page.push_str("<tr>");
            for cell in [from, working, trying, asleep, handling, tries, sleeps, interrupts] {
                _ = write!(page, "<td>{}</td>", number(cell));
            }
            page.push_str("</tr>\n");
        };
        let begin = at;
        for stretch in &section.stretches {
            if each {
                line(at, stretch);
            }
            at += stretch.length();
            sum.working += stretch.working;
            sum.trying += stretch.trying;
            sum.asleep += stretch.asleep;
            sum.handling += stretch.handling;
            sum.tries += stretch.tries;
            sum.sleeps += stretch.sleeps;
            sum.interrupts += stretch.interrupts;
        }
        if !each {
            line(begin, &sum);
        }
        page.push_str("</tbody>\n");
    }
    if !recording.flights.is_empty() {
        page.push_str(
            "<tbody><tr><th colspan=\"8\" scope=\"rowgroup\">in flight, from and to</th></tr>\n",
        );
        for flight in &recording.flights {
            _ = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td colspan=\"6\">{}</td></tr>",
                number(flight.begin),
                number(flight.end),
                Text(timeline::name(&flight.what)),
            );
        }
        page.push_str("</tbody>\n");
    }
    page.push_str("</table></div>\n</details>\n");
}

/// The patterns, one for each kind of bar, so that no kind is told by its colour alone.
const PATTERNS: &str = concat!(
    "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n",
    "<pattern id=\"p-working\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"c-working\" width=\"8\" height=\"8\"/></pattern>\n",
    "<pattern id=\"p-trying\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect class=\"c-trying\" width=\"7\" height=\"7\"/><rect class=\"ink\" width=\"2.5\" height=\"7\"/></pattern>\n",
    "<pattern id=\"p-asleep\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"c-asleep\" width=\"8\" height=\"8\"/><circle class=\"ink\" cx=\"2\" cy=\"2\" r=\"1.1\"/><circle class=\"ink\" cx=\"6\" cy=\"6\" r=\"1.1\"/></pattern>\n",
    "<pattern id=\"p-handling\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"c-handling\" width=\"8\" height=\"8\"/><path class=\"ink\" d=\"M0 0h8v1.4h-8z M0 0h1.4v8h-1.4z\"/></pattern>\n",
    "<pattern id=\"p-flight\" width=\"8\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect class=\"c-flight\" width=\"8\" height=\"6\"/><rect class=\"ink\" width=\"8\" height=\"1.4\"/></pattern>\n",
    "<pattern id=\"p-flush\" width=\"7\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"c-flush\" width=\"7\" height=\"8\"/><rect class=\"ink\" width=\"1.6\" height=\"8\"/></pattern>\n",
    "</defs></svg>\n",
);
