//! The figures: a table, JSON, and a plot of cost over size.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use crate::measure::{median, quantile};

/// One comparison. Times are in ns.
struct Row {
    case: String,
    size: usize,
    ours: f64,
    peer: &'static str,
    peer_value: f64,
    /// Of the medians: below 1 is faster.
    ratio: f64,
    /// The middle half of the ratios of single rounds.
    middle: [f64; 2],
    bound: Option<f64>,
}

impl Row {
    fn verdict(&self) -> &'static str {
        match self.bound {
            None => "shown",
            Some(bound) if self.ratio <= bound => "met",
            Some(bound) if self.middle[0] <= bound => "within noise",
            Some(_) => "missed",
        }
    }
}

/// All comparisons of a run.
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub fn new() -> Self {
        println!(
            "{:<28}{:>9}{:>12} {:<27}{:>12}{:>8}{:>14}{:>8}",
            "case", "bytes", "ours ns", "peer", "peer ns", "ratio", "middle half", "bound"
        );
        Self { rows: Vec::new() }
    }

    /// Takes the samples of a case, ours and the peer's, and prints the row.
    pub fn add(
        &mut self,
        case: &str,
        size: usize,
        peer: &'static str,
        bound: Option<f64>,
        ours: &[f64],
        peers: &[f64],
    ) {
        let ratios: Vec<f64> = ours.iter().zip(peers).map(|(ours, peer)| ours / peer).collect();
        let row = Row {
            case: case.into(),
            size,
            ours: median(ours),
            peer,
            peer_value: median(peers),
            ratio: median(ours) / median(peers),
            middle: [0.25, 0.75].map(|part| quantile(&ratios, part)),
            bound,
        };
        let bound = row.bound.map_or(String::new(), |bound| format!("{bound}"));
        let middle = format!("{:.3}-{:.3}", row.middle[0], row.middle[1]);
        println!(
            "{:<28}{:>9}{:>12.0} {:<27}{:>12.0}{:>8.3}{middle:>14}{bound:>8} {}",
            row.case,
            row.size,
            row.ours,
            row.peer,
            row.peer_value,
            row.ratio,
            row.verdict()
        );
        self.rows.push(row);
    }

    /// Writes the files, and says what was met.
    pub fn end(self) {
        let count = |verdict| self.rows.iter().filter(|row| row.verdict() == verdict).count();
        println!(
            "bounds: {} met, {} within noise, {} missed",
            count("met"),
            count("within noise"),
            count("missed")
        );
        match self.write() {
            Ok(folder) => println!("written: flush.json and flush.svg in {}", folder.display()),
            Err(error) => eprintln!("cannot write the figures: {error}"),
        }
    }

    fn write(&self) -> io::Result<PathBuf> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let folder = workspace.join("target/bench");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("flush.json"), self.json())?;
        fs::write(folder.join("flush.svg"), self.plot())?;
        Ok(folder)
    }

    /// No name has a character that JSON would escape.
    fn json(&self) -> String {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                format!(
                    r#"{{"case":"{}","size":{},"ours":{:.1},"peer":"{}","peer_value":{:.1},"ratio":{:.4},"bound":{},"verdict":"{}"}}"#,
                    row.case,
                    row.size,
                    row.ours,
                    row.peer,
                    row.peer_value,
                    row.ratio,
                    row.bound.map_or("null".into(), |bound| bound.to_string()),
                    row.verdict()
                )
            })
            .collect();
        format!("[\n{}\n]\n", rows.join(",\n"))
    }

    /// Time over size of `persist` and `copy_persist`, ours and the peers', both axes logarithmic.
    fn plot(&self) -> String {
        const COLOURS: [&str; 6] =
            ["#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b"];
        let mut curves: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
        let mut add = |name: String, size: usize, ns: f64| {
            let point = (size as f64, ns);
            match curves.iter_mut().find(|(known, _)| *known == name) {
                Some((_, points)) if points.contains(&point) => {}
                Some((_, points)) => points.push(point),
                None => curves.push((name, vec![point])),
            }
        };
        for row in self.rows.iter().filter(|row| row.case.ends_with("persist")) {
            add(row.case.clone(), row.size, row.ours);
            add(format!("{}: {}", row.case, row.peer), row.size, row.peer_value);
        }
        // 64 B to 64 MiB, 100 ns to 10 ms.
        let x = |size: f64| 60.0 + (size.log2() - 6.0) * 32.0;
        let y = |ns: f64| 460.0 - (ns.log10() - 2.0) * 84.0;
        let mut svg = String::from(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="900" height="500" font-family="sans-serif" font-size="12"><rect width="900" height="500" fill="white"/>"#,
        );
        let mut put = |part: String| svg.push_str(&(part + "\n"));
        for (size, name) in
            [(6, "64 B"), (10, "1 KiB"), (16, "64 KiB"), (20, "1 MiB"), (26, "64 MiB")]
        {
            let at = x(f64::from(1_u32 << size));
            put(format!(
                r##"<path d="M{at} 40V460" stroke="#ddd"/><text x="{at}" y="480">{name}</text>"##
            ));
        }
        for (power, name) in
            [(2, "100 ns"), (3, "1 µs"), (4, "10 µs"), (5, "100 µs"), (6, "1 ms"), (7, "10 ms")]
        {
            let at = y(10_f64.powi(power));
            put(format!(
                r##"<path d="M60 {at}H700" stroke="#ddd"/><text x="5" y="{at}">{name}</text>"##
            ));
        }
        for (n, ((name, points), colour)) in curves.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let mut line = String::new();
            for &(size, ns) in points {
                write!(line, "{:.1},{:.1} ", x(size), y(ns)).expect("a string takes all");
            }
            put(format!(
                r#"<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/><text x="90" y="{}" fill="{colour}">{name}</text>"#,
                60 + 16 * n
            ));
        }
        svg + "</svg>\n"
    }
}
