//! Which model for which workload, in words.

use harness::text::interval;

use super::html::{classed, element, escaped, list, section, table, text};
use super::rows::{command, place};
use crate::advice::{Advice, Behind, Take, WORKLOADS, Workload};
use crate::schema::Report;

/// What all the workloads say together.
pub struct Choices<'a> {
    pub all: Vec<(&'static Workload, Advice)>,
    reports: &'a [&'a Report],
}

impl<'a> Choices<'a> {
    pub fn of(reports: &'a [&'a Report]) -> Choices<'a> {
        Choices { all: WORKLOADS.iter().map(|workload| (workload, workload.advice(reports))).collect(), reports }
    }

    fn taken(&self) -> impl Iterator<Item = (&'static Workload, &Take)> {
        self.all.iter().filter_map(|(workload, advice)| match advice {
            Advice::Take(take) => Some((*workload, take)),
            _ => None,
        })
    }

    /// What to read from all of it, in three sentences.
    pub fn in_short(&self) -> Vec<String> {
        [self.who(), self.widest(), self.doubt()].into_iter().flatten().collect()
    }

    fn who(&self) -> Option<String> {
        let taken = self.taken().count();
        if taken == 0 {
            return Some(
                "No row was measured that tells one model from another: run it without --quick, --row and --model.".into(),
            );
        }
        let mut clear: Vec<(&str, usize)> = Vec::new();
        for (_, take) in self.taken().filter(|(_, take)| take.level_with.is_empty()) {
            match clear.iter_mut().find(|(model, _)| *model == take.pick) {
                Some((_, count)) => *count += 1,
                None => clear.push((&take.pick, 1)),
            }
        }
        clear.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let told: usize = clear.iter().map(|(_, count)| count).sum();
        let who: Vec<String> = clear.iter().map(|(model, count)| format!("{model} in {count}")).collect();
        let level = match taken - told {
            0 => String::new(),
            level => {
                format!("; in the other {level} no difference was measured between the first, and the simplest of them will do")
            }
        };
        Some(match told {
            0 => format!(
                "In none of the {taken} workloads that were measured is one model clearly the best: the simplest will do."
            ),
            _ => format!(
                "Of the {taken} workloads that were measured, {told} have one model that is clearly the best ({}){level}.",
                who.join(", ")
            ),
        })
    }

    fn widest(&self) -> Option<String> {
        let all = self.taken().flat_map(|(workload, take)| take.behind.iter().map(move |behind| (workload, take, behind)));
        let (workload, take, behind) = all.max_by(|one, other| one.2.times.low.total_cmp(&other.2.times.low))?;
        let quoted = format!("“{}”", workload.title);
        Some(format!("The choice matters most for {quoted}: beside {}, {} takes {}.", take.pick, behind.model, more(behind)))
    }

    fn doubt(&self) -> Option<String> {
        let rows = || self.reports.iter().filter(|report| report.bench == "models").flat_map(|report| &report.rows);
        let bound = rows().filter(|row| row.measured().any(|(_, measured)| measured.is_load_bound())).count();
        let disturbed = self.reports.iter().any(|report| !report.warnings.is_empty());
        let bound = match bound {
            0 => "In no row was the load the limit".to_owned(),
            1 => "In one row the load was the limit of a model, so its rate is a lower bound".to_owned(),
            bound => format!("In {bound} rows the load was the limit of a model, so its rate there is a lower bound"),
        };
        let quiet = if disturbed {
            "and other programs disturbed some rows, which are named above: measure those again before you decide by them"
        } else {
            "and the machine was quiet, as far as the kernel tells"
        };
        Some(format!("{bound}, {quiet}."))
    }

    /// The table of them all.
    pub fn section(&self) -> String {
        let titles = ["If your server has …", "take", "because"];
        let lines: Vec<Vec<String>> = self.all.iter().map(|(workload, advice)| line(workload, advice)).collect();
        let how = "A model stays in the race while its interval overlaps that of the best: first in how much it does, then in the CPU \
                   it takes for it (where others wait for an answer: within which time 99 % have theirs, then half). Bold is a model \
                   that is left alone. Where several are left, no difference was measured, and the simplest is named: blocking before \
                   pool, pool before epoll, epoll before uring. A number of times is that of the best of the same round, as an interval \
                   that holds it with 95 % confidence.";
        let table =
            element("div", &[("class", "choice")], &table("A workload, the model, and the row that says so", &titles, &lines));
        section("which", "Which model for which workload", &(text("p", how) + &table))
    }
}

fn line(workload: &Workload, advice: &Advice) -> Vec<String> {
    let title = escaped(workload.title);
    match advice {
        Advice::NotMeasured { row, command: how } => {
            let why = format!("The row that would say so ({row}) is not in this report.");
            vec![title, text("p", "not measured"), text("p", &why) + &command(how)]
        }
        Advice::CannotTell { row, why, command: how } => {
            let why = text("p", &format!("{}: {why}.", row));
            vec![title, text("p", "cannot tell"), linked(workload, row) + &why + &command(how)]
        }
        Advice::Take(take) => vec![title, pick(take), because(workload, take)],
    }
}

fn pick(take: &Take) -> String {
    match &take.level_with[..] {
        [] => element("p", &[], &text("strong", &take.pick)),
        others => {
            let all: Vec<&str> = [&take.pick].into_iter().chain(others).map(String::as_str).collect();
            let which = if others.len() > 1 { "simplest" } else { "simpler" };
            let level = format!("no difference between {}: take the {which}", listed(&all));
            text("p", &take.pick) + &classed("p", "muted", &level)
        }
    }
}

fn because(workload: &Workload, take: &Take) -> String {
    let behind = take.behind.iter().map(|behind| format!("{}: {}", behind.model, more(behind)));
    let absent = take.absent.iter().map(|(name, why)| format!("{name} {why}"));
    let level = take.level.iter().map(|level| format!("not told apart: {}, {}", level.model, more(level)));
    let sentences = take.remarks.iter().cloned().chain(level).chain(behind).chain(absent);
    let own = match workload.own {
        "" => String::new(),
        own => {
            let own = text("code", &format!("cargo bench --bench workload -- {own}"));
            element("p", &[("class", "command muted")], &format!("Like it, and to be changed into yours: {own}"))
        }
    };
    linked(workload, &take.row) + &list(sentences) + &command(&take.command) + &own
}

fn linked(workload: &Workload, row: &str) -> String {
    let to = format!("#{}", place(workload.bench, row));
    element("p", &[], &format!("Row {}", element("a", &[("href", &to)], &escaped(row))))
}

/// How far behind, with the interval.
fn more(behind: &Behind) -> String {
    let times = format!("{:.2} ({})", behind.times.median, interval(behind.times.estimate()));
    match behind.figure.as_str() {
        "rate" => format!("{times} times as long for the same number"),
        "cpu" => format!("{times} times the CPU"),
        "p99" => format!("{times} times as long until 99 % are answered"),
        "p50" => format!("{times} times as long until half are answered"),
        _ => format!("{times} times as much"),
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
