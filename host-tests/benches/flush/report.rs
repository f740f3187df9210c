//! The figures: a table, JSON, and plots.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    measure::{interval, median},
    plot,
};

/// One comparison.
pub struct Row {
    pub case: String,
    pub size: usize,
    /// The unit of the values: ns, except in one row.
    unit: &'static str,
    pub ours: f64,
    pub peer: &'static str,
    pub peer_value: f64,
    /// The ratio of the medians. Below 1, ours is faster.
    ratio: f64,
    /// The interval of the ratio of single rounds with 95 % confidence: the noise.
    interval: [f64; 2],
    bound: Option<f64>,
    note: Option<String>,
}

impl Row {
    /// Whether the bound is met. "within noise": the bound is in the 95 % interval of the ratio.
    fn verdict(&self) -> &'static str {
        let [low, high] = self.interval;
        match self.bound {
            None => "shown",
            Some(bound) if low <= bound && bound < high => "within noise",
            Some(bound) if self.ratio <= bound => "met",
            Some(_) => "missed",
        }
    }

    /// Adds a note to the row in the JSON.
    pub fn note(&mut self, note: String) {
        self.note = Some(note);
    }
}

/// The time of flushing and computing over the time of the computing, in ns.
pub struct Curve {
    pub lines: usize,
    /// Computing alone; issue, compute, wait; flush, wait, compute.
    pub points: Vec<[f64; 3]>,
}

/// All comparisons of a run.
pub struct Report {
    rows: Vec<Row>,
    curves: Vec<Curve>,
}

impl Report {
    pub fn new() -> Self {
        println!(
            "{:<31}{:>9}{:>11}  {:<25}{:>11}{:>8}{:>13}{:>7}",
            "case", "bytes", "ours ns", "peer", "peer ns", "ratio", "95 %", "bound"
        );
        Self { rows: Vec::new(), curves: Vec::new() }
    }

    /// Adds the samples of a case, ours and the peer's, in ns, and prints the row.
    pub fn add(
        &mut self,
        case: &str,
        size: usize,
        peer: &'static str,
        bound: Option<f64>,
        ours: &[f64],
        peers: &[f64],
    ) -> &mut Row {
        let (value, peer_value) = (median(ours), median(peers));
        self.push(Row {
            case: case.into(),
            size,
            unit: "ns",
            ours: value,
            peer,
            peer_value,
            ratio: value / peer_value,
            interval: interval(ours, peers),
            bound,
            note: None,
        })
    }

    /// Adds a count that must be 0.
    pub fn count(&mut self, case: &str, peer: &'static str, ours: usize, peer_value: usize) {
        let ratio = ours as f64 / peer_value as f64;
        self.push(Row {
            case: case.into(),
            size: 0,
            unit: "CPUIDs",
            ours: ours as f64,
            peer,
            peer_value: peer_value as f64,
            ratio,
            interval: [ratio; 2],
            bound: Some(0.0),
            note: None,
        });
    }

    /// Adds a point of the overlap with `lines` lines.
    pub fn curve(&mut self, lines: usize, point: [f64; 3]) {
        match self.curves.iter_mut().find(|curve| curve.lines == lines) {
            Some(curve) => curve.points.push(point),
            None => self.curves.push(Curve { lines, points: vec![point] }),
        }
    }

    fn push(&mut self, row: Row) -> &mut Row {
        let interval = format!("{:.3}-{:.3}", row.interval[0], row.interval[1]);
        println!(
            "{:<31}{:>9}{:>11.0}  {:<25}{:>11.0}{:>8.3}{interval:>13}{:>7} {}",
            row.case,
            row.size,
            row.ours,
            row.peer,
            row.peer_value,
            row.ratio,
            row.bound.map_or(String::new(), |bound| bound.to_string()),
            row.verdict()
        );
        self.rows.push(row);
        self.rows.last_mut().expect("just pushed")
    }

    /// Writes the files, and prints which bounds were met.
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
        let rows: Vec<_> = self.rows.iter().map(|row| {
            json!({
                "case": row.case, "size": row.size, "unit": row.unit, "ours": row.ours, "peer": row.peer,
                "peer_value": row.peer_value, "ratio": row.ratio, "interval": row.interval, "bound": row.bound,
                "verdict": row.verdict(), "note": row.note,
            })
        }).collect();
        fs::write(folder.join("flush.json"), format!("{:#}\n", json!(rows)))?;
        fs::write(folder.join("flush.svg"), plot::draw(&self.rows, &self.curves))?;
        Ok(folder)
    }
}
