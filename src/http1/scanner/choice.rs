//! Which form? The one that suits the processor, or the one that `IOLAB_SCANNER` names, found out once.
//!
//! The widest is not always that. The first server processors with AVX-512 (Intel, 2017 to 2020) run slower for most of a
//! millisecond after a wide instruction, whoever runs then: on a Cascade Lake core at 3.1 GHz we measured 2.65 GHz, which the whole
//! server pays for a scanner that is hardly quicker. Later ones (Intel since Ice Lake, AMD since Zen 4) do not, and are told by
//! VBMI2, which came with them.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use super::{byte::Byte, swar::Swar};
use crate::http1::index::{Found, HeadIndex};
use crate::http1::limits::HttpLimits;

/// The ways of classifying octets. What a head parser says does not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// One octet at a time, with a table.
    Byte,
    /// Without instructions that some processors lack.
    Swar,
    /// 32 octets at a time: x86-64 with AVX2, BMI1, BMI2 and POPCNT (Intel since 2013, AMD since 2015).
    Avx2,
    /// 64 octets at a time: x86-64 with AVX-512 F and BW beside these (Intel servers since 2017, AMD since 2022).
    Avx512,
}

impl Form {
    /// All, from slow to fast.
    pub const ALL: [Form; 4] = [Form::Byte, Form::Swar, Form::Avx2, Form::Avx512];

    /// As `IOLAB_SCANNER` has it.
    pub fn name(self) -> &'static str {
        match self {
            Form::Byte => "byte",
            Form::Swar => "swar",
            Form::Avx2 => "avx2",
            Form::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let form = Form::ALL.into_iter().find(|form| form.name() == name);
        form.ok_or_else(|| format!("{name:?} is no scanner: there are byte, swar, avx2 and avx512"))
    }
}

/// A form that this processor can run.
#[derive(Clone, Copy, Debug)]
pub struct Scanner(Choice);

#[derive(Clone, Copy, Debug)]
enum Choice {
    Byte,
    Swar,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Scanner {
    /// That form; `None` if this processor lacks what it takes.
    pub fn new(form: Form) -> Option<Self> {
        let choice = match form {
            Form::Byte => Choice::Byte,
            Form::Swar => Choice::Swar,
            #[cfg(target_arch = "x86_64")]
            Form::Avx2 => Choice::Avx2(Avx2::detect()?),
            #[cfg(target_arch = "x86_64")]
            Form::Avx512 => Choice::Avx512(Avx512::detect()?),
            #[cfg(not(target_arch = "x86_64"))]
            Form::Avx2 | Form::Avx512 => return None,
        };
        Some(Scanner(choice))
    }

    /// All that this processor can run, from slow to fast.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        Form::ALL.into_iter().filter_map(Scanner::new)
    }

    /// The one that `IOLAB_SCANNER` names (`byte`, `swar`, `avx2`, `avx512`), or the one that suits this processor. Found out once
    /// in a process; if it cannot be as the variable would have it, standard error is told so, once.
    pub fn chosen() -> Self {
        static CHOSEN: OnceLock<Scanner> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            let suited = Scanner::suited();
            let Some(wanted) = std::env::var_os("IOLAB_SCANNER") else { return suited };
            Scanner::named(&wanted.to_string_lossy()).unwrap_or_else(|why| {
                eprintln!("iolab: IOLAB_SCANNER: {why}; {} is used", suited.form());
                suited
            })
        })
    }

    /// The widest that does not slow the processor down.
    fn suited() -> Self {
        let mut usable = Scanner::all().filter(|scanner| scanner.form() != Form::Avx512 || wide_is_harmless());
        usable.next_back().unwrap_or(Scanner(Choice::Swar))
    }

    /// The form of that name, if there is one and this processor can run it.
    fn named(name: &str) -> Result<Self, String> {
        let form: Form = name.parse()?;
        Scanner::new(form).ok_or_else(|| format!("this processor lacks what {form} takes"))
    }

    /// Its form.
    pub fn form(self) -> Form {
        match self.0 {
            Choice::Byte => Form::Byte,
            Choice::Swar => Form::Swar,
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(_) => Form::Avx2,
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(_) => Form::Avx512,
        }
    }

    /// Parses on with this form.
    #[inline(always)]
    pub(in crate::http1) fn run(self, index: &mut HeadIndex, input: &[u8], limits: &HttpLimits) -> Found {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(by) => by.run(index, input, limits),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(by) => by.run(index, input, limits),
            Choice::Swar => swar(index, input, limits),
            Choice::Byte => byte(index, input, limits),
        }
    }
}

/// Whether the processor is of a generation that does not slow down for AVX-512.
fn wide_is_harmless() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vbmi2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[inline(never)]
fn swar(index: &mut HeadIndex, input: &[u8], limits: &HttpLimits) -> Found {
    index.run(Swar, input, limits)
}

#[inline(never)]
fn byte(index: &mut HeadIndex, input: &[u8], limits: &HttpLimits) -> Found {
    index.run(Byte, input, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_goes_by_its_name() {
        for scanner in Scanner::all() {
            assert_eq!(Scanner::named(scanner.form().name()).expect("it runs here").form(), scanner.form());
        }
        let error = Scanner::named("sse2").expect_err("there is none");
        assert_eq!(error, r#""sse2" is no scanner: there are byte, swar, avx2 and avx512"#);
    }
}
