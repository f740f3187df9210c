//! A driver in every form: the PC's PS/2 keyboard, on a fake of its controller. The guide's page
//! `guide::driver` explains it step by step.

mod fake;
mod forms;
mod keyboard;
mod ports;
mod read;
mod sweep;

fn main() {
    forms::show();
    let reports = sweep::forms();
    for report in &reports {
        println!("{report}");
        report.assert_clean();
    }
    let twins = sweep::twins();
    for report in &twins {
        assert!(report.lost() > 0, "a twin was not caught: {report}");
    }
    let (forms, twins) = (reports.len(), twins.len());
    println!(
        "shown: one try in 7 forms; {forms} of them swept, 0 wake-ups lost; {twins} twins caught"
    );
}
