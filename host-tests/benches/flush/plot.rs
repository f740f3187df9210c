//! The plots, as one picture: the cost of a line over the size of a flush or a copy, and the time
//! of flushing and computing together over the time of the computing.

use std::fmt::{Display, Write as _};

use crate::{
    LINE,
    report::{Curve, Row},
};

/// Legible on light and dark backgrounds: the picture has its own background, and follows the
/// reader's choice.
const STYLE: &str = "\
    text { font: 12px sans-serif; fill: #222 } .title { font-weight: bold; font-size: 14px }\n\
    .paper { fill: #fff } .grid { stroke: #ddd } .axis { stroke: #888 }\n\
    .line { stroke-width: 2 } .dashed { stroke-dasharray: 6 4 }\n\
    .a { stroke: #0068b8; fill: #0068b8 } .b { stroke: #c9510c; fill: #c9510c }\n\
    .c { stroke: #3c8031; fill: #3c8031 } .floor { stroke: #888; fill: #888; stroke-width: 1 }\n\
    polyline.line { fill: none }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #ddd } .paper { fill: #16181c } .grid { stroke: #353840 } .axis { stroke: #999 }\n\
    .a { stroke: #5db3f5; fill: #5db3f5 } .b { stroke: #ff9a5c; fill: #ff9a5c }\n\
    .c { stroke: #82cf73; fill: #82cf73 }\n\
    polyline.line { fill: none }\n\
    }";

const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 830.0;

/// The picture.
pub fn draw(rows: &[Row], curves: &[Curve]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\">\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n"
    );
    for (n, (case, what)) in [
        ("persist", "Writing dirty lines back, until complete"),
        ("copy_persist", "Copying to lines that are not cached, until persistent"),
    ]
    .into_iter()
    .enumerate()
    {
        svg += &cost(rows, case, what, 70.0 + 540.0 * n as f64);
    }
    for (n, curve) in curves.iter().enumerate() {
        svg += &overlap(curve, 70.0 + 360.0 * n as f64);
    }
    svg + "</svg>\n"
}

/// The place of a panel and the ranges of its axes.
struct Panel {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: [f64; 2],
    y: [f64; 2],
}

impl Panel {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |value: f64, [from, to]: [f64; 2]| (value - from) / (to - from);
        let (x, y) = (part(x, self.x), part(y, self.y));
        (self.left + x * self.width, self.top + self.height - y * self.height)
    }

    /// The title, the axes with their units, and a grid line at each tick.
    fn frame(
        &self,
        title: &str,
        [x_axis, y_axis]: [&str; 2],
        x_ticks: &[(f64, String)],
        y_ticks: &[(f64, String)],
    ) -> String {
        let Self { left, top, width, height, .. } = *self;
        let (right, bottom) = (left + width, top + height);
        let mut svg = text("start", "title", left, top - 30.0, title);
        svg += &text("start", "", left - 50.0, top - 10.0, y_axis);
        svg += &text("end", "", right, bottom + 38.0, x_axis);
        for (value, name) in x_ticks {
            let (x, _) = self.at(*value, self.y[0]);
            svg += &line("grid", [x, top, x, bottom]);
            svg += &text("middle", "", x, bottom + 18.0, name);
        }
        for (value, name) in y_ticks {
            let (_, y) = self.at(self.x[0], *value);
            svg += &line("grid", [left, y, right, y]);
            svg += &text("end", "", left - 8.0, y + 4.0, name);
        }
        svg + &line("axis", [left, bottom, right, bottom])
            + &line("axis", [left, top, left, bottom])
    }

    /// A curve, and its entry in the legend.
    fn curve(
        &self,
        class: &str,
        name: &str,
        points: &[(f64, f64)],
        nth: usize,
        legend: (f64, f64),
    ) -> String {
        let mut svg = format!("<polyline class=\"line {class}\" points=\"");
        let places: Vec<_> = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        for (x, y) in &places {
            write!(svg, "{x:.1},{y:.1} ").expect("a string takes all");
        }
        svg += "\"/>\n";
        if class == "a" {
            for (x, y) in &places {
                writeln!(svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>")
                    .expect("a string takes all");
            }
        }
        let (x, y) = (legend.0, legend.1 + 18.0 * nth as f64);
        writeln!(
            svg,
            "<polyline class=\"line {class}\" points=\"{x:.1},{:.1} {:.1},{:.1}\"/>",
            y - 4.0,
            x + 26.0,
            y - 4.0
        )
        .expect("a string takes all");
        svg + &text("start", "", x + 32.0, y, name)
    }
}

fn text(anchor: &str, class: &str, x: f64, y: f64, text: impl Display) -> String {
    format!(
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n"
    )
}

fn line(class: &str, [x1, y1, x2, y2]: [f64; 4]) -> String {
    format!("<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>\n")
}

/// The time in ns for each line over the number of bytes, both axes logarithmic: ours and the
/// peers'.
fn cost(rows: &[Row], case: &str, what: &str, left: f64) -> String {
    let panel =
        Panel { left, top: 60.0, width: 430.0, height: 330.0, x: [6.0, 26.0], y: [0.0, 2.7] };
    let sizes = [
        (6, "64 B"),
        (10, "1 KiB"),
        (14, "16 KiB"),
        (18, "256 KiB"),
        (22, "4 MiB"),
        (26, "64 MiB"),
    ];
    let x_ticks = sizes.map(|(power, name)| (f64::from(power), name.to_owned()));
    let y_ticks = [1.0_f64, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]
        .map(|ns| (ns.log10(), ns.to_string()));
    let mut svg = panel.frame(what, ["size", "ns for each line of 64 B"], &x_ticks, &y_ticks);
    let mut curves: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    for row in rows.iter().filter(|row| row.case == case) {
        for (name, ns) in [(case, row.ours), (row.peer, row.peer_value)] {
            let point = ((row.size as f64).log2(), (ns * LINE as f64 / row.size as f64).log10());
            match curves.iter_mut().find(|(known, _)| *known == name) {
                Some((_, points)) if points.last() == Some(&point) => {}
                Some((_, points)) => points.push(point),
                None => curves.push((name, vec![point])),
            }
        }
    }
    for (n, ((name, points), class)) in curves.iter().zip(["a", "b dashed", "c dashed"]).enumerate()
    {
        svg += &panel.curve(class, name, points, n, (left + 230.0, 80.0));
    }
    svg
}

/// The time over the amount of computing, for a number of lines.
fn overlap(curve: &Curve, left: f64) -> String {
    let ends = |n: usize| curve.points.iter().map(move |point| point[n]).fold(0.0, f64::max);
    let panel = Panel {
        left,
        top: 500.0,
        width: 250.0,
        height: 270.0,
        x: [0.0, ends(0)],
        y: [0.0, ends(2) * 1.05],
    };
    let ticks = |end: f64| {
        let magnitude = 10_f64.powf(end.log10().floor());
        let step = [0.2, 0.5, 1.0, 2.0]
            .map(|part| part * magnitude)
            .into_iter()
            .find(|step| end / step <= 5.0);
        let step = step.unwrap_or(magnitude);
        (0..=(end / step) as usize)
            .map(|n| n as f64 * step)
            .map(|ns| (ns, ns.to_string()))
            .collect::<Vec<_>>()
    };
    let title = format!("{} lines flushed ({} KiB)", curve.lines, curve.lines * LINE / 1024);
    let mut svg = panel.frame(
        &title,
        ["computing alone, ns", "both, ns"],
        &ticks(panel.x[1]),
        &ticks(panel.y[1]),
    );
    let flush = curve.points.first().map_or(0.0, |point| point[2]);
    for (n, (class, name, value)) in [
        ("b dashed", "flush, wait, compute", (|_, point| point[2]) as fn(f64, &[f64; 3]) -> f64),
        ("a", "issue, compute, wait", |_, point| point[1]),
        ("floor", "the longer of both alone", |flush, point| point[0].max(flush)),
    ]
    .into_iter()
    .enumerate()
    {
        let points: Vec<_> =
            curve.points.iter().map(|point| (point[0], value(flush, point))).collect();
        svg += &panel.curve(class, name, &points, n, (left + 10.0, 515.0));
    }
    svg
}
