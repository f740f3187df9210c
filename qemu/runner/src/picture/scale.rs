//! From instructions to places on the time line.
//!
//! The problem: a sleep of 100 million instructions stands between two tries of 50. To scale, the tries
//! would not be seen. So a stretch is as wide as the logarithm of its length, and within a stretch places
//! are proportional. The page's script can show the same to scale.

use super::recording::Recording;

/// The width of the gap between two sections, in percent.
const GAP: f64 = 2.0;

/// Places, in percent of the width.
#[derive(Clone, Debug)]
pub struct Scale {
    sections: Vec<Vec<Point>>,
}

/// Where a stretch begins or ends.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: u64,
    x: f64,
}

impl Scale {
    /// The scale of a recording.
    pub fn new(recording: &Recording) -> Self {
        let weight = |length: u64| (1.0 + length as f64).ln() + 1.0;
        let stretches = || recording.sections.iter().flat_map(|section| &section.stretches);
        let total: f64 = stretches().map(|stretch| weight(stretch.length())).sum();
        let gaps = GAP * recording.sections.len().saturating_sub(1) as f64;
        let unit = (100.0 - gaps) / total.max(1.0);
        let mut end = Point { at: 0, x: 0.0 };
        let mut sections: Vec<Vec<Point>> = Vec::new();
        for section in &recording.sections {
            if !sections.is_empty() {
                end.x += GAP;
            }
            let mut points = vec![end];
            for stretch in &section.stretches {
                end.at += stretch.length();
                end.x += unit * weight(stretch.length());
                points.push(end);
            }
            sections.push(points);
        }
        Self { sections }
    }

    /// Where the stretch begins and ends.
    pub fn stretch(&self, section: usize, stretch: usize) -> (f64, f64) {
        let points = &self.sections[section];
        (points[stretch].x, points[stretch + 1].x)
    }

    /// Where the section begins and ends.
    pub fn section(&self, section: usize) -> (f64, f64) {
        let points = &self.sections[section];
        (points[0].x, points[points.len() - 1].x)
    }

    /// The place of what begins at `at`: between two sections, the beginning of the later one.
    pub fn begin(&self, at: u64) -> f64 {
        let after = self.sections.iter().rfind(|points| points[0].at <= at);
        after.map_or(0.0, |points| within(points, at))
    }

    /// The place of what ends at `at`: between two sections, the end of the earlier one.
    pub fn end(&self, at: u64) -> f64 {
        let before = self.sections.iter().find(|points| points[points.len() - 1].at >= at);
        before.or(self.sections.last()).map_or(0.0, |points| within(points, at))
    }
}

fn within(points: &[Point], at: u64) -> f64 {
    let after = points.partition_point(|point| point.at < at).clamp(1, points.len().max(2) - 1);
    let (Some(one), Some(other)) = (points.get(after - 1), points.get(after)) else {
        return points.first().map_or(0.0, |point| point.x);
    };
    let length = other.at.saturating_sub(one.at);
    if length == 0 {
        return one.x;
    }
    let part = (at.min(other.at).saturating_sub(one.at)) as f64 / length as f64;
    one.x + part * (other.x - one.x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        picture::recording::Section,
        report::{Counts, Stretch},
    };

    fn recording(sections: &[&[u64]]) -> Recording {
        let section = |lengths: &&[u64]| Section {
            counts: Counts::ALL,
            stretches: lengths
                .iter()
                .map(|&working| Stretch { working, ..Stretch::default() })
                .collect(),
        };
        Recording { sections: sections.iter().map(section).collect(), ..Recording::default() }
    }

    #[test]
    fn stretches_fill_the_width_and_follow_one_another() {
        let scale = Scale::new(&recording(&[&[50, 100_000_000, 49], &[7]]));
        assert_eq!(scale.stretch(0, 0).0, 0.0);
        assert_eq!(scale.stretch(0, 0).1, scale.stretch(0, 1).0);
        assert!(scale.stretch(0, 0).1 > 5.0, "what is short is seen, too");
        assert!((scale.section(1).0 - scale.section(0).1 - GAP).abs() < 1e-9);
        assert!((scale.section(1).1 - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_place_between_two_sections_is_on_its_side_of_the_gap() {
        let scale = Scale::new(&recording(&[&[50], &[50]]));
        assert_eq!(scale.begin(50), scale.section(1).0);
        assert_eq!(scale.end(50), scale.section(0).1);
        assert_eq!((scale.begin(0), scale.end(100)), (0.0, scale.section(1).1));
        assert!(scale.begin(25) > 0.0 && scale.begin(25) < scale.section(0).1);
    }

    #[test]
    fn nothing_has_a_scale_too() {
        let scale = Scale::new(&Recording::default());
        assert_eq!((scale.begin(5), scale.end(5)), (0.0, 0.0));
        let scale = Scale::new(&recording(&[&[], &[3]]));
        assert_eq!(scale.section(0), (0.0, 0.0));
        assert!(scale.begin(3) > scale.begin(0));
    }
}
