//! The page, read by an XML parser. Each check is a function, so that it can be shown to fail on a page
//! that is broken on purpose.

use super::{Entry, Picture, page, recording::*, timeline::NAMESPACE};
use crate::report::{Absent, Counts, InFlight, Kind, Recorded, Row, Stretch};
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeSet;

type Checked = Result<(), String>;

const WORK: Stretch =
    Stretch { working: 40, trying: 0, asleep: 0, handling: 0, tries: 0, sleeps: 0, interrupts: 0 };
const TRY: Stretch = Stretch { working: 0, trying: 7, tries: 1, ..WORK };
const SLEEP: Stretch = Stretch { working: 0, asleep: 99_999_000, sleeps: 1, ..WORK };
const HANDLER: Stretch = Stretch { working: 0, handling: 130, interrupts: 1, tries: 1, ..WORK };
const MANY: Stretch = Stretch {
    working: 5_000_000,
    trying: 60_000,
    asleep: 4_000,
    handling: 700,
    tries: 69,
    sleeps: 2,
    interrupts: 3,
};

fn section(counts: Counts, stretches: &[Stretch]) -> Section {
    Section { counts, stretches: stretches.to_vec() }
}

fn flight(what: &str, begin: u64, end: u64) -> InFlight {
    InFlight { what: what.into(), begin, end, ended: true }
}

/// A row with the figures of its recording.
fn entry(kind: Kind, name: &str, sections: Vec<Section>, flights: Vec<InFlight>) -> Entry {
    let recorded = Recorded { marks: 9, instructions: 1_100 };
    let recording = Recording { sections, flights, recorded };
    let figures = recording.figures();
    let row = Row {
        row: name.into(),
        kind,
        call: format!("{}<'_>()", name.split(' ').next().unwrap_or_default()),
        holds: true,
        tries: figures.tries.unwrap_or(32),
        interrupts: figures.interrupts.unwrap_or(0),
        foreground_instructions: figures.instructions.unwrap_or(0),
        asleep: figures.asleep.unwrap_or(0),
        host_input: false,
        note: "a & b < c".into(),
    };
    Entry::Run { row, recording: Some(recording) }
}

fn tours() -> Vec<Picture> {
    let dma = "drivers::dma::Transfer";
    let receive = "wouldblock::uart16550::ReadExact<Receiver<Serial>, Buffer>";
    let sleeping = [WORK, TRY, SLEEP, HANDLER, Stretch { sleeps: 0, ..SLEEP }, WORK, TRY, WORK];
    let entries = vec![
        entry(
            Kind::Blocking,
            "asleep until its interrupt",
            vec![section(Counts::ALL, &sleeping)],
            vec![flight(dma, 40, 100_000_000)],
        ),
        entry(
            Kind::Blocking,
            "three sections",
            vec![
                section(Counts::NOTHING, &[WORK]),
                section(Counts::COST, &[WORK, MANY]),
                section(Counts::TRIES, &[TRY, WORK]),
            ],
            vec![],
        ),
        Entry::Absent(Absent {
            row: "32 disk reads".into(),
            kind: Kind::Asynchronous,
            why: "no virtio disk".into(),
        }),
        entry(Kind::NonBlocking, "one try", vec![section(Counts::ALL, &[TRY])], vec![]),
        entry(Kind::Asynchronous, "polled", vec![section(Counts::ALL, &[MANY; 300])], vec![]),
        entry(
            Kind::Asynchronous,
            "flushed",
            vec![section(Counts::ALL, &[TRY, WORK, TRY]), section(Counts::INSTRUCTIONS, &[WORK])],
            vec![flight("cache flush", 0, 94)],
        ),
        entry(
            Kind::Concurrency,
            "four devices",
            vec![section(Counts::ALL, &[WORK, SLEEP, HANDLER, SLEEP, WORK])],
            vec![flight(dma, 10, 900), flight(receive, 20, 50_000_000), flight(receive, 900, 1000)],
        ),
        entry(Kind::BlockingAsynchronous, "nothing was left running", vec![], vec![]),
    ];
    let other = vec![entry(Kind::Blocking, "other", vec![section(Counts::ALL, &[TRY])], vec![])];
    vec![
        Picture { name: "pc".into(), board: "pc (x86_64)".into(), entries },
        Picture { name: "microbit".into(), board: "microbit (Cortex-M0)".into(), entries: other },
    ]
}

fn parsed<T>(page: &str, f: impl FnOnce(&Document) -> Result<T, String>) -> Result<T, String> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(page, options).map_err(|e| e.to_string())?;
    f(&document)
}

fn has_class(node: &Node, class: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
}

fn text(node: Node) -> String {
    node.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect()
}

fn article<'d>(document: &'d Document, id: &str) -> Result<Node<'d, 'd>, String> {
    let mut found = document
        .descendants()
        .filter(|node| node.has_tag_name("article") && node.attribute("id") == Some(id));
    let article = found.next().ok_or(format!("no article {id}"))?;
    if found.next().is_some() { Err(format!("two articles {id}")) } else { Ok(article) }
}

/// Every row has its article, and its place in the table.
fn every_row_is_there(page: &str, tours: &[Picture]) -> Checked {
    parsed(page, |document| {
        let tables: Vec<_> =
            document.descendants().filter(|node| has_class(node, "model")).collect();
        if tables.len() != tours.len() {
            return Err("a table for each board".into());
        }
        for (tour, table) in tours.iter().zip(tables) {
            // In the order of the page: two cells of each line, then what is below the table.
            let cells: Vec<_> = table
                .descendants()
                .filter(|node| {
                    let in_body = node.ancestors().any(|node| node.has_tag_name("tbody"));
                    (node.has_tag_name("td") && in_body) || has_class(node, "beyond")
                })
                .collect();
            for (index, entry) in tour.entries.iter().enumerate() {
                let (kind, name) = match entry {
                    Entry::Run { row, .. } => (row.kind, &row.row),
                    Entry::Absent(absent) => (absent.kind, &absent.row),
                };
                let id = format!("{}-row-{index}", tour.name);
                if !text(article(document, &id)?).contains(name.as_str()) {
                    return Err(format!("{id} does not name its row"));
                }
                let cell = match kind {
                    Kind::Blocking => 0,
                    Kind::BlockingAsynchronous => 1,
                    Kind::NonBlocking => 2,
                    Kind::Asynchronous => 3,
                    Kind::Concurrency => 4,
                };
                let link = format!("#{id}");
                let linked: Vec<_> = (0..cells.len())
                    .filter(|&cell| {
                        cells[cell]
                            .descendants()
                            .any(|node| node.attribute("href") == Some(link.as_str()))
                    })
                    .collect();
                if linked != [cell] {
                    return Err(format!("{id} is in the cells {linked:?}, not in {cell}"));
                }
            }
        }
        Ok(())
    })
}

fn attribute<T: std::str::FromStr>(node: &Node, name: &str) -> Option<T> {
    node.attribute(name)?.trim_end_matches('%').parse().ok()
}

/// The bars of each lane follow one another, and sum to the figures of the row.
fn bars_sum_to_the_figures(page: &str, tours: &[Picture]) -> Checked {
    parsed(page, |document| {
        for tour in tours {
            for (index, entry) in tour.entries.iter().enumerate() {
                if let Entry::Run { row, recording: Some(recording) } = entry {
                    let article = article(document, &format!("{}-row-{index}", tour.name))?;
                    lanes(article).map_err(|why| format!("{}: {why}", row.row))?;
                    if recording.length() > 0 {
                        figures(article, row, recording)
                            .map_err(|why| format!("{}: {why}", row.row))?;
                    }
                }
            }
        }
        Ok(())
    })
}

fn lanes(article: Node) -> Checked {
    for lane in article.descendants().filter(|node| has_class(node, "lane")) {
        let (mut end, mut to) = (0.0, 0);
        for bar in lane.descendants().filter(|node| has_class(node, "bar")) {
            let place = || {
                let x: f64 = attribute(&bar, "x")?;
                let width: f64 = attribute(&bar, "width")?;
                let from: u64 = attribute(&bar, "data-from")?;
                Some((x, width, from, attribute::<u64>(&bar, "data-to")?))
            };
            let (x, width, from, until) = place().ok_or("a bar without a place")?;
            // Places have three digits.
            if x < end - 0.002 || x + width > 100.002 {
                return Err(format!("a bar from {x} % over one to {end} %"));
            }
            if from < to || until < from {
                return Err(format!("a bar from {from} over one to {to}"));
            }
            (end, to) = (x + width, until);
        }
    }
    Ok(())
}

fn figures(article: Node, row: &Row, recording: &Recording) -> Checked {
    let sum = |part: &str, data: &[&str]| -> u64 {
        article
            .descendants()
            .filter(|node| node.attribute(part) == Some("true"))
            .flat_map(|section| section.children())
            .flat_map(|bar| data.iter().filter_map(move |name| attribute::<u64>(&bar, name)))
            .sum()
    };
    let drawn = [
        (recording.figures().tries, sum("data-tries", &["data-tries"]), row.tries),
        (recording.figures().interrupts, sum("data-events", &["data-interrupts"]), row.interrupts),
        (recording.figures().asleep, sum("data-events", &["data-sleeps"]), row.asleep),
        (
            recording.figures().instructions,
            sum("data-instructions", &["data-working", "data-trying"]),
            row.foreground_instructions,
        ),
    ];
    for (recorded, drawn, reported) in drawn {
        if recorded.is_some() && drawn != reported {
            return Err(format!("the bars sum to {drawn}, not to {reported}"));
        }
    }
    Ok(())
}

/// Each kind of bar is filled with a pattern that no other kind has, whatever its colours.
fn kinds_have_patterns(page: &str) -> Checked {
    parsed(page, |document| {
        let mut patterns = BTreeSet::new();
        for kind in ["working", "trying", "asleep", "handling", "flight", "flush"] {
            if !page.contains(&format!("fill: url(#p-{kind})")) {
                return Err(format!("{kind} is not filled with its pattern"));
            }
            let pattern = document
                .descendants()
                .find(|node| node.attribute("id") == Some(&format!("p-{kind}")))
                .ok_or(format!("{kind} has no pattern"))?;
            let lines: Vec<_> = pattern
                .descendants()
                .filter(|node| has_class(node, "ink"))
                .map(|node| page[node.range()].to_owned())
                .collect();
            let turned = pattern.attribute("patternTransform").unwrap_or_default();
            if !patterns.insert((turned, lines)) {
                return Err(format!("{kind} has the pattern of another kind"));
            }
        }
        Ok(())
    })
}

/// Each colour is there for a light and for a dark screen.
fn colours_are_light_and_dark(page: &str) -> Checked {
    let (light, dark) =
        page.split_once("@media (prefers-color-scheme: dark)").ok_or("no dark colours")?;
    let names = |style: &str| -> BTreeSet<String> {
        let until = style.find("\n}").unwrap_or(style.len());
        style[..until]
            .split("--")
            .skip(1)
            .filter_map(|after| after.split_once(':'))
            .filter(|(name, _)| name.chars().all(char::is_alphanumeric))
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    let light = names(&light[light.find(":root").ok_or("no colours")?..]);
    let dark = names(dark);
    if light == dark && light.len() > 8 {
        Ok(())
    } else {
        Err(format!("light {light:?}, dark {dark:?}"))
    }
}

/// The file needs no other file, and names no place where one could be.
fn only_the_namespace_is_an_address(page: &str) -> Checked {
    let rest = page.replace(NAMESPACE, "");
    for address in ["://", "//www", "www.", "@import", "src=", "mailto:"] {
        if rest.contains(address) {
            return Err(format!("there is a {address:?}"));
        }
    }
    for (name, local) in [("href=\"", &["#", "data:,\""][..]), ("url(", &["#"])] {
        for (place, _) in rest.match_indices(name) {
            let target = &rest[place + name.len()..];
            if !local.iter().any(|local| target.starts_with(local)) {
                return Err(format!("a {name} of {:?}", target.get(..20)));
            }
        }
    }
    Ok(())
}

/// Every link leads to an element, and no two elements have the same id.
fn links_lead_somewhere(page: &str) -> Checked {
    parsed(page, |document| {
        let mut ids = BTreeSet::new();
        for id in document.descendants().filter_map(|node| node.attribute("id")) {
            if !ids.insert(id) {
                return Err(format!("{id} is there twice"));
            }
        }
        let links = document.descendants().filter_map(|node| node.attribute("href"));
        match links.filter_map(|link| link.strip_prefix('#')).find(|link| !ids.contains(link)) {
            Some(link) => Err(format!("{link} is nowhere")),
            None => Ok(()),
        }
    })
}

/// The page with the first `from` replaced by `to`.
fn broken(page: &str, from: &str, to: &str) -> String {
    assert!(page.contains(from), "{from} is not in the page");
    page.replacen(from, to, 1)
}

/// The check holds for the page, and finds each of these mistakes in it.
fn holds_and_finds(check: impl Fn(&str, &[Picture]) -> Checked, mistakes: &[(&str, &str)]) {
    let tours = tours();
    let page = page(&tours);
    assert_eq!(check(&page, &tours), Ok(()));
    for (from, to) in mistakes {
        assert!(check(&broken(&page, from, to), &tours).is_err(), "{from} as {to} is not found");
    }
}

#[test]
fn every_row_is_in_the_page_and_in_its_cell() {
    holds_and_finds(
        every_row_is_there,
        &[
            ("<article id=\"pc-row-3\">", "<article id=\"pc-row-9\">"),
            ("<a href=\"#pc-row-2\">", "<a href=\"#pc-row-1\">"),
            ("32 disk reads</h4>", "31 disk reads</h4>"),
            // Not well-formed.
            ("</article>", ""),
            ("<meta charset=\"utf-8\"/>", "<meta charset=\"utf-8\">"),
            ("a &amp; b", "a & b"),
        ],
    );
}

#[test]
fn bars_do_not_overlap_and_sum_to_the_figures() {
    holds_and_finds(
        bars_sum_to_the_figures,
        &[
            ("data-tries=\"1\"", "data-tries=\"2\""),
            ("data-sleeps=\"1\"", "data-sleeps=\"0\""),
            ("data-interrupts=\"1\"", "data-interrupts=\"2\""),
            ("data-working=\"40\"", "data-working=\"41\""),
            ("data-trying=\"7\"", "data-trying=\"70\""),
            ("data-events=\"true\"", "data-events=\"false\""),
            ("x=\"0.000%\"", "x=\"30.000%\""),
            ("data-from=\"40\"", "data-from=\"39\""),
        ],
    );
}

#[test]
fn no_kind_is_told_by_its_colour_alone() {
    holds_and_finds(
        |page, _| kinds_have_patterns(page),
        &[
            ("fill: url(#p-handling)", "fill: var(--handling)"),
            ("id=\"p-trying\"", "id=\"p-other\""),
            ("<rect class=\"ink\" width=\"1.6\" height=\"8\"/>", ""),
        ],
    );
}

#[test]
fn colours_are_for_light_and_dark() {
    holds_and_finds(
        |page, _| colours_are_light_and_dark(page),
        &[("--flight: #23705a; ", ""), ("(prefers-color-scheme: dark)", "(min-width: 1px)")],
    );
}

#[test]
fn the_only_address_is_the_namespace() {
    holds_and_finds(
        |page, _| only_the_namespace_is_an_address(page),
        &[
            ("<body>", "<body><img src=\"a.png\"/>"),
            ("<body>", "<body><a href=\"other.html\">other</a>"),
            ("<body>", "<body>https://example.org"),
            ("url(#p-asleep)", "url(a.svg#p-asleep)"),
            ("<style>", "<style>@import 'a.css';"),
        ],
    );
}

#[test]
fn links_and_ids_agree() {
    holds_and_finds(
        |page, _| links_lead_somewhere(page),
        &[("href=\"#microbit\"", "href=\"#micro\""), ("id=\"microbit\"", "id=\"pc\"")],
    );
}

#[test]
fn what_the_guest_says_is_text() {
    let mut tours = tours();
    let Entry::Run { row, .. } = &mut tours[0].entries[0] else { panic!("a row that was run") };
    row.row = "</h4><script>alert(\"1\")</script>&amp;\u{1b}[0m".into();
    let page = page(&tours);
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(bars_sum_to_the_figures(&page, &tours), Ok(()));
    assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;\u{fffd}[0m"));
}

/// As the guest sends it.
#[test]
fn a_recording_ends_with_its_last_report() {
    let mut unfinished = Recording::default();
    let flight = flight("timer", 0, 4);
    let reports = [
        crate::report::Report::Section(Counts::TRIES),
        crate::report::Report::Stretch(TRY),
        crate::report::Report::Stretch(WORK),
        crate::report::Report::InFlight(flight),
    ];
    assert!(reports.iter().all(|report| unfinished.add(report).is_none()));
    let end = crate::report::Report::Recorded(Recorded { marks: 3, instructions: 300 });
    let recording = unfinished.add(&end).expect("it is complete");
    assert_eq!((recording.length(), recording.flights.len()), (47, 1));
    assert_eq!(recording.figures(), Figures { tries: Some(1), ..Figures::default() });
    let next = unfinished.add(&end).expect("the next one");
    assert!(next.sections.is_empty() && next.flights.is_empty());
}
