//! Plots of measurements: well-formed, the same each time, and no text over another.

use drawing::Picture;
use drawing::plot::{Axis, Heading, Row, Scale, Value, bars, dots, lines, percentiles_of, rows_of};
use drawing::table::Table;

fn heading(name: &str, table: &Table) -> Heading {
    Heading {
        name: name.to_owned(),
        title: String::from("CPU time of a request on each model, by what is asked for"),
        description: String::from("What a request costs."),
        source: table.source(),
    }
}

fn pictures() -> Vec<Picture> {
    let models = Table::parse(include_str!("data/models.csv")).unwrap();
    let latency = Table::parse(include_str!("data/latency.csv")).unwrap();
    let rows = rows_of(&models, "cpu");
    let cpu = Axis { label: String::from("CPU µs a request"), scale: Scale::Log, reference: None };
    let linear = Axis { scale: Scale::Linear, ..cpu.clone() };
    let target = Axis { reference: Some((20.0, String::from("what was wanted"))), ..linear.clone() };
    let share = Axis { label: String::from("of the answers took no longer"), scale: Scale::Nines, reference: None };
    let micros = Axis { label: String::from("latency in µs"), scale: Scale::Log, reference: None };
    vec![
        dots(&heading("dots-log", &models), &rows, &cpu),
        dots(&heading("dots-target", &models), &rows, &target),
        bars(&heading("bars", &models), &rows, &linear),
        lines(&heading("lines", &latency), &percentiles_of(&latency), &share, &micros),
        dots(&heading("nothing", &models), &[], &cpu),
    ]
}

#[test]
fn they_are_xml_and_no_text_covers_another() {
    for picture in pictures() {
        for text in [picture.alone(), picture.inline()] {
            if let Err(error) = roxmltree::Document::parse(&text) {
                panic!("{}: {error}\n{text}", picture.name());
            }
        }
        assert_eq!(picture.faults(), Vec::<String>::new());
        if let Some(folder) = std::env::var_os("DRAWING_OUT") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{}.svg", picture.name())), picture.alone()).unwrap();
        }
    }
}

#[test]
fn the_same_data_give_the_same_octets() {
    for (once, again) in pictures().iter().zip(pictures()) {
        assert_eq!(once.alone(), again.alone());
    }
}

/// Every value, every interval and every note of the table is somewhere in the picture.
#[test]
fn nothing_is_left_out() {
    let models = Table::parse(include_str!("data/models.csv")).unwrap();
    let picture = &pictures()[0];
    let labels: Vec<_> = picture.labels().iter().map(|label| label.text.as_str()).collect();
    for cell in &models.cells {
        let written = cell.median.map_or(cell.note.clone(), drawing::number::short);
        assert!(labels.contains(&written.as_str()), "{written} of {cell:?}");
    }
    let spreads = models.cells.iter().filter(|cell| cell.low.is_some()).count();
    assert_eq!(picture.alone().matches("class=\"d-spread\"").count(), spreads);
}

#[test]
fn odd_data_are_drawn_as_well() {
    let value = |who: &str, median: f64| Value { who: who.to_owned(), median: Some(median), ..Value::default() };
    let odd = [vec![], vec![0.0], vec![5.0, 5.0], vec![-1.0, 1.0], vec![1e-9, 1e12], vec![0.0, 0.0, 3.0]];
    for values in odd {
        let values: Vec<_> = values.into_iter().enumerate().map(|(at, v)| value(["epoll", "mio", "pool"][at], v)).collect();
        let rows = [Row { label: "a row whose name is long ".repeat(6), values }];
        for scale in [Scale::Linear, Scale::Log] {
            let axis = Axis { label: String::from("µs"), scale, reference: None };
            let heading = Heading { name: String::from("odd"), ..Heading::default() };
            for picture in [dots(&heading, &rows, &axis), bars(&heading, &rows, &axis)] {
                roxmltree::Document::parse(&picture.alone()).unwrap();
                assert!(!picture.alone().contains("NaN") && !picture.alone().contains("inf"), "{rows:?} {scale:?}");
                assert_eq!(picture.faults(), Vec::<String>::new());
            }
        }
    }
}
