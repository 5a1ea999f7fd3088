//! Asia, Oceania and Africa.

use query::EntityKind::{MedicalRecord, NationalId, TaxId};

use super::{
    Scheme,
    check::{complement_11, day, is_day, is_letter, luhn, one_of, value, verhoeff, weigh},
    scheme,
};

/// Sources: the authorities' descriptions, as gathered with references in python-stdnum 2.2.
pub(super) const SCHEMES: &[Scheme] = &[
    // India: people, taxes, goods and services tax, voters.
    scheme(
        NationalId,
        "9999 9999 9999",
        (0.65, 0.3),
        |n| n[0] > 1 && verhoeff(n),
        &["aadhaar", "aadhar", "adhar", "uidai", "uid"],
    ),
    scheme(
        TaxId,
        "AAAAA9999A",
        (0.0, 0.6),
        |n| one_of(b"ABCFGHJKLPT", n[3]) && n[5..9] != [0; 4],
        &["pan"],
    ),
    scheme(
        TaxId,
        "99AAAAA9999AXAX",
        (0.0, 0.8),
        |n| (1..=38).contains(&value(&n[..2])) && luhn(n, 36),
        &["gstin", "gst"],
    ),
    scheme(
        NationalId,
        "AAA9999999",
        (0.0, 0.35),
        |n| luhn(&n[3..], 10),
        &["epic", "voter", "elector"],
    ),
    // Singapore: citizens and residents (S, T), foreigners (F, G, M).
    scheme(
        NationalId,
        "A9999999A",
        (0.0, 0.8),
        |n| {
            let sum = weigh(&n[1..8], &[2, 7, 6, 5, 4, 3, 2]);
            let (letters, offset): (&[u8], u32) = match n[0] {
                28 => (b"JZIHGFEDCBA", 0),
                29 => (b"JZIHGFEDCBA", 4),
                15 => (b"XWUTRQPNMLK", 0),
                16 => (b"XWUTRQPNMLK", 4),
                22 => (b"XWUTRQPNJLK", 3),
                _ => return false,
            };
            is_letter(letters, u64::from((sum + offset) % 11), n[8])
        },
        &["nric", "fin"],
    ),
    // China, Hong Kong, Taiwan, Korea, Japan.
    scheme(
        NationalId,
        "99999999999999999X",
        (0.0, 0.95),
        |n| {
            let check = if n[17] == 33 { 10 } else { u32::from(n[17]) };
            let sum = weigh(
                &n[..17],
                &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2],
            );
            (18..=20).contains(&value(&n[6..8]))
                && day(&n[10..12], &n[12..14])
                && (sum + check) % 11 == 1
        },
        &["resident", "身份证", "身份证号"],
    ),
    scheme(
        NationalId,
        "A999999(X)",
        (0.85, 0.35),
        // The blank before the letter counts 36.
        |n| (9 * 36 + weigh(n, &[8, 7, 6, 5, 4, 3, 2, 1])).is_multiple_of(11) && n[7] < 11,
        &["hkid"],
    ),
    scheme(
        NationalId,
        "A999999999",
        (0.0, 0.5),
        |n| {
            const LETTERS: [u8; 26] = [
                10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28,
                29, 32, 30, 31, 33,
            ];
            let letter = LETTERS[usize::from(n[0] - 10)];
            let sum = weigh(&[letter / 10, letter % 10], &[1, 9])
                + weigh(&n[1..], &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
            one_of(b"1289", n[1]) && sum.is_multiple_of(10)
        },
        &["taiwan", "身分證"],
    ),
    scheme(
        NationalId,
        "999999-9999999",
        (0.8, 0.35),
        |n| {
            let sum = weigh(n, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
            // Since October 2020 the digits after the sex are random; people born since have only those.
            let is_random = matches!(n[6], 3 | 4 | 7 | 8) && value(&n[..4]) >= 2010;
            day(&n[2..4], &n[4..6]) && (is_random || (11 - sum % 11) % 10 == u32::from(n[12]))
        },
        &["rrn", "주민등록번호"],
    ),
    scheme(
        NationalId,
        "9999 9999 9999",
        (0.45, 0.25),
        |n| complement_11(n, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]),
        &["mynumber", "マイナンバー", "個人番号"],
    ),
    // Thailand, Malaysia, Indonesia, Pakistan.
    scheme(
        NationalId,
        "9-9999-99999-99-9",
        (0.9, 0.35),
        |n| {
            let sum = weigh(n, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
            (11 - sum % 11) % 10 == u32::from(n[12])
        },
        &["thai"],
    ),
    scheme(
        NationalId,
        "999999-99-9999",
        (0.7, 0.2),
        |n| day(&n[2..4], &n[4..6]),
        &["mykad", "nric", "ic"],
    ),
    scheme(
        NationalId,
        "9999999999999999",
        (0.0, 0.3),
        |n| is_day(value(&n[8..10]), value(&n[6..8]) % 40),
        &["nik", "ktp"],
    ),
    scheme(
        NationalId,
        "99999-9999999-9",
        (0.7, 0.15),
        |n| n[0] != 0,
        &["cnic", "nadra"],
    ),
    // Israel, Emirates, Saudi Arabia.
    scheme(
        NationalId,
        "99999999-9",
        (0.5, 0.25),
        |n| luhn(n, 10),
        &["teudat", "zehut", "israeli"],
    ),
    scheme(
        NationalId,
        "999-9999-9999999-9",
        (0.9, 0.7),
        |n| n[..3] == [7, 8, 4] && luhn(n, 10),
        &["emirates", "eid"],
    ),
    scheme(
        NationalId,
        "9999999999",
        (0.0, 0.25),
        |n| matches!(n[0], 1 | 2) && luhn(n, 10),
        &["iqama", "saudi"],
    ),
    // Australia: taxes, business, company, Medicare. New Zealand.
    scheme(
        TaxId,
        "999 999 999",
        (0.5, 0.25),
        |n| weigh(n, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11),
        &["tfn"],
    ),
    scheme(
        TaxId,
        "99 999 999 999",
        (0.85, 0.55),
        // One is taken from the first digit.
        |n| (79 + weigh(n, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19])).is_multiple_of(89),
        &["abn"],
    ),
    scheme(
        TaxId,
        "999 999 999",
        (0.45, 0.25),
        |n| weigh(n, &[8, 7, 6, 5, 4, 3, 2, 1, 1]).is_multiple_of(10),
        &["acn"],
    ),
    scheme(
        MedicalRecord,
        "9999 99999 9",
        (0.6, 0.25),
        |n| (2..=6).contains(&n[0]) && weigh(n, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(n[8]),
        &["medicare"],
    ),
    scheme(
        TaxId,
        "99-999-999",
        (0.55, 0.2),
        |n| {
            let check = |weights| (11 - weigh(&n[..7], weights) % 11) % 11;
            let first = check(&[2, 7, 6, 5, 4, 3, 2]);
            let check = if first == 10 {
                check(&[4, 3, 2, 5, 2, 7, 6])
            } else {
                first
            };
            check == u32::from(n[7])
        },
        &["ird"],
    ),
    // South Africa.
    scheme(
        NationalId,
        "999999 9999 999",
        (0.85, 0.65),
        |n| day(&n[2..4], &n[4..6]) && n[10] < 2 && luhn(n, 10),
        &["rsa", "african", "smartid"],
    ),
];
