//! Check digits. Numbers come as slices of base-36 values, the first digit first.

/// Σ weight × digit, over the shorter of the two.
pub(super) fn weigh(number: &[u8], weights: &[u32]) -> u32 {
    number
        .iter()
        .zip(weights)
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum()
}

/// The number that the digits write.
pub(super) fn value(number: &[u8]) -> u64 {
    number
        .iter()
        .fold(0, |value, digit| value * 10 + u64::from(*digit))
}

/// The last digit is what takes the weighted sum of the others to a multiple of 11; 10 is written 0.
pub(super) fn complement_11(number: &[u8], weights: &[u32]) -> bool {
    let Some((check, rest)) = number.split_last() else {
        return false;
    };
    let expected = (11 - weigh(rest, weights) % 11) % 11;
    expected % 10 == u32::from(*check)
}

/// The last digit is the weighted sum of the others modulo 11; where that is 10, with the `second` weights,
/// and where it is 10 again, 0.
pub(super) fn remainder_11(number: &[u8], first: &[u32], second: &[u32]) -> bool {
    let Some((check, rest)) = number.split_last() else {
        return false;
    };
    let mut sum = weigh(rest, first) % 11;
    if sum == 10 {
        sum = weigh(rest, second) % 11;
    }
    sum % 10 == u32::from(*check)
}

/// Luhn, ISO/IEC 7812-1 annex B; letters count as in base 36.
pub(in crate::recognizers) fn luhn(number: &[u8], base: u32) -> bool {
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let digit = u32::from(*digit) << (index % 2);
            digit / base + digit % base
        })
        .sum();
    sum.is_multiple_of(base)
}

/// ISO/IEC 7064, mod 11,10.
pub(super) fn iso_11_10(number: &[u8]) -> bool {
    let Some((check, rest)) = number.split_last() else {
        return false;
    };
    let product = rest.iter().fold(10, |product, digit| {
        let sum = (product + u32::from(*digit)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + u32::from(*check)) % 10 == 1
}

/// Verhoeff, "Error detecting decimal codes" (1969): products of the dihedral group of order ten.
pub(super) fn verhoeff(number: &[u8]) -> bool {
    const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let check = number
        .iter()
        .rev()
        .enumerate()
        .fold(0, |check, (index, digit)| {
            let permuted =
                (0..index % 8).fold(*digit, |digit, _| PERMUTATION[usize::from(digit % 10)]);
            product(check, permuted)
        });
    check == 0
}

/// A value in base 36 is one of these letters and digits.
pub(super) fn one_of(letters: &[u8], value: u8) -> bool {
    letters
        .iter()
        .any(|letter| char::from(*letter).to_digit(36) == Some(u32::from(value)))
}

/// A value in base 36 is the letter at this place.
pub(super) fn is_letter(letters: &[u8], place: u64, value: u8) -> bool {
    letters
        .get(place as usize)
        .is_some_and(|letter| one_of(&[*letter], value))
}

/// Month and day of some year, each the value of two digits.
pub(super) fn day(month: &[u8], day: &[u8]) -> bool {
    is_day(value(month), value(day))
}

/// As [`day`], of values from which a country's additions have been taken.
pub(super) fn is_day(month: u64, day: u64) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}
