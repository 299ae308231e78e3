//! The `Date` field (RFC 9110 sections 5.6.7 and 6.6.1).

use std::cell::Cell;

use crate::time::civil;

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(super) const DATE_OCTETS: usize = 29;

/// The date of that second, as an IMF-fixdate. It is written once a second on each thread and copied from then on.
#[inline]
pub(super) fn imf_fixdate(unix_seconds: u64) -> [u8; DATE_OCTETS] {
    thread_local! {
        static LAST: Cell<(u64, [u8; DATE_OCTETS])> = const { Cell::new((u64::MAX, [0; DATE_OCTETS])) };
    }
    LAST.with(|last| {
        let (second, date) = last.get();
        if second == unix_seconds {
            return date;
        }
        let date = write(unix_seconds);
        last.set((unix_seconds, date));
        date
    })
}

fn write(unix_seconds: u64) -> [u8; DATE_OCTETS] {
    const WEEKDAYS: &[u8] = b"ThuFriSatSunMonTueWed";
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil(days);
    let mut date = *b"Www, 00 Mmm 0000 00:00:00 GMT";
    let weekday = (days % 7) as usize * 3;
    date[..3].copy_from_slice(&WEEKDAYS[weekday..weekday + 3]);
    two_digits(&mut date[5..], day);
    let name = (month as usize - 1) * 3;
    date[8..11].copy_from_slice(&MONTHS[name..name + 3]);
    two_digits(&mut date[12..], year / 100);
    two_digits(&mut date[14..], year % 100);
    two_digits(&mut date[17..], second / 3600);
    two_digits(&mut date[20..], second / 60 % 60);
    two_digits(&mut date[23..], second % 60);
    date
}

fn two_digits(at: &mut [u8], number: u64) {
    at[0] = b'0' + (number / 10 % 10) as u8;
    at[1] = b'0' + (number % 10) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(imf_fixdate(seconds), date.as_bytes(), "{date}");
        }
    }
}
