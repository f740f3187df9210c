//! The drawing of one row: a lane for the foreground, one for the handlers, and one for each operation
//! that is in the background at the same time as others.

use super::{
    Text, count, number,
    recording::{Recording, Section},
    scale::Scale,
};
use crate::report::{Counts, InFlight, Stretch};
use std::fmt::Write;

/// The namespace of SVG: the only address in a page.
pub const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// The height of a bar, of the name above its lane, and of the space below it.
const BAR: u32 = 26;
const NAME: u32 = 16;
const SPACE: u32 = 6;

/// Widths that a time line has on a narrow, a usual and a wide screen, and the class of what is shown from
/// that width on. Without the script, a label is shown only where it fits.
const WIDTHS: [(f64, &str); 3] = [(330.0, "n"), (620.0, "u"), (1010.0, "w")];

/// The least part of a bar in layers.
const LEAST: f64 = 0.12;

/// The width of a character of a label, and the margin on both sides together.
const CHARACTER: f64 = 6.9;
const MARGIN: f64 = 8.0;

/// Draws a recording as an SVG element. `summary` is what it shows, in words.
pub fn draw(recording: &Recording, summary: &str) -> String {
    let scale = Scale::new(recording);
    let mut drawing = Drawing { svg: String::new(), y: 0 };
    if recording.sections.len() > 1 {
        drawing.captions(recording, &scale);
    }
    drawing.lane("foreground", |bars| {
        bars.stretches(recording, &scale, foreground);
    });
    if stretches(recording).any(|stretch| stretch.handling > 0) {
        drawing.lane("background: handlers", |bars| {
            bars.stretches(recording, &scale, handlers);
        });
    }
    for flights in lanes(&recording.flights) {
        let flush = flights.iter().all(|flight| is_flush(flight));
        let name = if flush { "background: cache" } else { "background: operation in flight" };
        drawing.lane(name, |bars| {
            for flight in flights {
                bars.bar(&flying(flight, &scale));
            }
        });
    }
    drawing.axis(recording.length());
    let height = drawing.y;
    format!(
        "<svg xmlns=\"{NAMESPACE}\" class=\"timeline\" role=\"img\" width=\"100%\" height=\"{height}\" data-length=\"{}\" aria-label=\"{}\">{}</svg>",
        recording.length(),
        Text(summary),
        drawing.svg,
    )
}

fn stretches(recording: &Recording) -> impl Iterator<Item = &Stretch> {
    recording.sections.iter().flat_map(|section| &section.stretches)
}

/// What a section is part of, in words.
pub fn caption(counts: Counts) -> String {
    let parts = [
        (counts.tries, "tries"),
        (counts.instructions, "instructions"),
        (counts.events, "sleeps and interrupts"),
    ];
    let parts: Vec<_> = parts.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
    match parts.len() {
        0 => "for comparison".into(),
        3 => "all figures".into(),
        _ => parts.join(", "),
    }
}

/// A bar of a lane.
struct Bar {
    class: &'static str,
    x: (f64, f64),
    /// Its begin and end in instructions.
    span: (u64, u64),
    /// What it holds, for the script and the tests.
    data: String,
    /// What is filled, from the bottom up, in parts of the height. Empty: all of it, as the class says.
    parts: Vec<(&'static str, f64)>,
    long: String,
    short: String,
    title: String,
}

/// The part of a stretch that is in the lane of the foreground.
fn foreground(stretch: &Stretch) -> Option<Bar> {
    let Stretch { working, trying, asleep, tries, sleeps, .. } = *stretch;
    let kinds = [("working", working), ("trying", trying), ("asleep", asleep)];
    let present = kinds.iter().filter(|(_, length)| *length > 0).count();
    // Tries in a handler of its own are in the lane of the handlers.
    let handler_alone = stretch.handling > 0 && present == 0;
    if handler_alone || (present == 0 && tries + sleeps == 0) {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    for (kind, length) in kinds.into_iter().filter(|(_, length)| *length > 0) {
        words.push(format!("{kind} {}", number(length)));
    }
    let mut title = format!("{} instructions", words.join(", "));
    if tries > 0 {
        title += &format!("; {}", count(tries, "try begins", "tries begin"));
    }
    if sleeps > 0 {
        title += &format!("; {}", count(sleeps, "sleep begins", "sleeps begin"));
    }
    let mixed = present > 1 || stretch.handling > 0;
    let whole = stretch.length().max(1) as f64;
    let parts = kinds.iter().filter(|(_, length)| *length > 0);
    let (class, length) = kinds.into_iter().max_by_key(|(_, length)| *length)?;
    Some(Bar {
        class: if mixed { "mixed" } else { class },
        x: (0.0, 0.0),
        span: (0, 0),
        data: format!(
            "data-working=\"{working}\" data-trying=\"{trying}\" data-asleep=\"{asleep}\" data-tries=\"{tries}\" data-sleeps=\"{sleeps}\""
        ),
        parts: match mixed {
            true => parts.map(|&(kind, length)| (kind, length as f64 / whole)).collect(),
            false => Vec::new(),
        },
        long: if mixed { String::new() } else { format!("{class} {}", number(length)) },
        short: if mixed { String::new() } else { number(length) },
        title,
    })
}

/// The part of a stretch that is in the lane of the handlers.
fn handlers(stretch: &Stretch) -> Option<Bar> {
    let Stretch { handling, interrupts, .. } = *stretch;
    if handling + interrupts == 0 {
        return None;
    }
    let alone = stretch.length() == handling;
    let tries = if alone { stretch.tries } else { 0 };
    let mut title = format!("handlers: {} instructions", number(handling));
    if interrupts > 0 {
        title += &format!("; {}", count(interrupts, "interrupt", "interrupts"));
    }
    if tries > 0 {
        title += &format!("; {}", count(tries, "try", "tries"));
    }
    Some(Bar {
        class: if alone { "handling" } else { "mixed" },
        x: (0.0, 0.0),
        span: (0, 0),
        data: format!(
            "data-handling=\"{handling}\" data-interrupts=\"{interrupts}\" data-tries=\"{tries}\""
        ),
        parts: match alone {
            true => Vec::new(),
            false => vec![("handling", handling as f64 / stretch.length().max(1) as f64)],
        },
        long: if alone { format!("handler {}", number(handling)) } else { String::new() },
        short: if alone { number(handling) } else { String::new() },
        title,
    })
}

fn is_flush(flight: &InFlight) -> bool {
    flight.what == "cache flush"
}

/// What is in flight: the words of the firmware, or plain words for the type of the operation.
pub fn name(what: &str) -> &str {
    let path = what.split('<').next().unwrap_or(what);
    match path.rsplit("::").next().unwrap_or(path) {
        "Transfer" | "Borrowed" => "DMA transfer",
        "ReadExact" => "serial port receives",
        "WriteAll" => "serial port sends",
        "Countdown" => "timer",
        other => other,
    }
}

fn flying(flight: &InFlight, scale: &Scale) -> Bar {
    let name = name(&flight.what);
    let length = number(flight.end.saturating_sub(flight.begin));
    let state = if flight.ended { "" } else { ", and has not ended" };
    Bar {
        class: if is_flush(flight) { "flush" } else { "flight" },
        x: (scale.begin(flight.begin), scale.end(flight.end)),
        span: (flight.begin, flight.end),
        data: "data-flight=\"1\"".into(),
        parts: Vec::new(),
        long: format!("{name} {length}"),
        short: name.into(),
        title: format!("{name}: in flight for {length} instructions{state}"),
    }
}

/// The flights, in as few lanes as they need so that none overlaps another one.
fn lanes(flights: &[InFlight]) -> Vec<Vec<&InFlight>> {
    let mut lanes: Vec<Vec<&InFlight>> = Vec::new();
    let mut flights: Vec<_> = flights.iter().collect();
    flights.sort_by_key(|flight| (flight.begin, flight.end));
    for flight in flights {
        let free =
            lanes.iter_mut().find(|lane| lane.last().is_none_or(|last| last.end <= flight.begin));
        match free {
            Some(lane) => lane.push(flight),
            None => lanes.push(vec![flight]),
        }
    }
    lanes
}

struct Drawing {
    svg: String,
    y: u32,
}

impl Drawing {
    /// What each section is part of.
    fn captions(&mut self, recording: &Recording, scale: &Scale) {
        for (index, Section { counts, .. }) in recording.sections.iter().enumerate() {
            let (begin, end) = scale.section(index);
            let text = caption(*counts);
            let number = (index + 1).to_string();
            let label = label(end - begin, &format!("{number}: {text}"), &number);
            let (start, stop): (u64, u64) = {
                let before: u64 = recording.sections[..index].iter().map(Section::length).sum();
                (before, before + recording.sections[index].length())
            };
            _ = write!(
                self.svg,
                "<svg class=\"bar caption\" x=\"{begin:.3}%\" y=\"0\" width=\"{:.3}%\" height=\"18\" data-from=\"{start}\" data-to=\"{stop}\"><title>Section {number}: {text}</title><line x1=\"0\" x2=\"100%\" y1=\"17\" y2=\"17\"/>{label}</svg>",
                end - begin,
            );
        }
        self.y = 22;
    }

    /// Where the time line begins and ends, in instructions.
    fn axis(&mut self, length: u64) {
        let y = self.y + 8;
        _ = write!(
            self.svg,
            "<g class=\"axis\"><text class=\"low\" x=\"0\" y=\"{y}\">0</text><text class=\"high\" x=\"100%\" y=\"{y}\" text-anchor=\"end\">{}</text></g>",
            count(length, "instruction", "instructions"),
        );
        self.y += 14;
    }

    /// A lane with its name above it.
    fn lane(&mut self, name: &str, bars: impl FnOnce(&mut Lane)) {
        _ = write!(
            self.svg,
            "<g class=\"lane\" data-lane=\"{name}\"><text class=\"name\" x=\"0\" y=\"{}\">{name}</text><rect class=\"ground\" x=\"0\" y=\"{}\" width=\"100%\" height=\"{BAR}\"/>",
            self.y + NAME - 4,
            self.y + NAME,
        );
        bars(&mut Lane { svg: &mut self.svg, y: self.y + NAME });
        self.svg += "</g>";
        self.y += NAME + BAR + SPACE;
    }
}

struct Lane<'d> {
    svg: &'d mut String,
    y: u32,
}

impl Lane<'_> {
    fn stretches(
        &mut self,
        recording: &Recording,
        scale: &Scale,
        part: fn(&Stretch) -> Option<Bar>,
    ) {
        let mut at = 0;
        for (index, section) in recording.sections.iter().enumerate() {
            let Counts { instructions, events, tries } = section.counts;
            _ = write!(
                self.svg,
                "<g data-instructions=\"{instructions}\" data-events=\"{events}\" data-tries=\"{tries}\">"
            );
            for (place, stretch) in section.stretches.iter().enumerate() {
                let end = at + stretch.length();
                if let Some(mut bar) = part(stretch) {
                    (bar.x, bar.span) = (scale.stretch(index, place), (at, end));
                    self.bar(&bar);
                }
                at = end;
            }
            *self.svg += "</g>";
        }
    }

    fn bar(&mut self, bar: &Bar) {
        let Bar { class, x: (begin, end), span: (from, to), data, parts, long, short, title } = bar;
        let width = (end - begin).max(0.0);
        _ = write!(
            self.svg,
            "<svg class=\"bar {class}\" x=\"{begin:.3}%\" y=\"{}\" width=\"{width:.3}%\" height=\"{BAR}\" data-from=\"{from}\" data-to=\"{to}\" {data}><title>{}</title>",
            self.y,
            Text(title),
        );
        if parts.is_empty() {
            *self.svg += "<rect width=\"100%\" height=\"100%\"/>";
        }
        // What there is little of is drawn as if it were more, so that it is seen.
        let seen = |part: f64| part.max(LEAST);
        let sum: f64 = parts.iter().map(|(_, part)| seen(*part)).sum();
        let mut filled = 0.0;
        for (kind, part) in parts {
            let part = seen(*part) / sum.max(1.0);
            filled += part;
            _ = write!(
                self.svg,
                "<rect class=\"{kind}\" y=\"{:.2}%\" width=\"100%\" height=\"{:.2}%\"/>",
                100.0 * (1.0 - filled).max(0.0),
                100.0 * part,
            );
        }
        *self.svg += &label(width, long, short);
        *self.svg += "</svg>";
    }
}

/// The label of a bar that has this part of the width, in percent: the long one if it fits everywhere,
/// else the short one where that fits.
fn label(width: f64, long: &str, short: &str) -> String {
    let fits = |text: &str, screen: f64| {
        text.chars().count() as f64 * CHARACTER + MARGIN <= width / 100.0 * screen
    };
    if short.is_empty() {
        return String::new();
    }
    let (text, class) = if fits(long, WIDTHS[0].0) {
        (long, "n")
    } else {
        let first = WIDTHS.iter().find(|(screen, _)| fits(short, *screen));
        (short, first.map_or("x", |(_, class)| class))
    };
    format!(
        "<text class=\"label {class}\" x=\"4\" y=\"50%\" dy=\"0.35em\" data-long=\"{}\" data-short=\"{}\">{}</text>",
        Text(long),
        Text(short),
        Text(text),
    )
}
