//! Europe.

use query::EntityKind::{DriverLicense, MedicalRecord, NationalId, TaxId};

use super::{
    Scheme,
    check::{
        complement_11, day, is_day, is_letter, iso_11_10, luhn, one_of, remainder_11, value, weigh,
    },
    scheme,
};

/// Sources: the authorities' descriptions, as gathered with references in python-stdnum 2.2.
pub(super) const SCHEMES: &[Scheme] = &[
    // United Kingdom: NHS number, National Insurance number, unique taxpayer reference, driver number.
    scheme(
        MedicalRecord,
        "999 999 9999",
        (0.5, 0.3),
        |n| weigh(n, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11),
        &["nhs"],
    ),
    scheme(
        NationalId,
        "AA 99 99 99 A",
        (0.85, 0.6),
        |n| {
            !one_of(b"DFIQUV", n[0])
                && !one_of(b"DFIOQUV", n[1])
                && one_of(b"ABCD", n[8])
                // BG, GB, KN, NK, NT, TN, ZZ
                && !matches!(n[..2], [11, 16] | [16, 11] | [20, 23] | [23, 20] | [23, 29] | [29, 23] | [35, 35])
        },
        &["nino", "ni", "insurance"],
    ),
    scheme(
        TaxId,
        "99999 99999",
        (0.5, 0.25),
        |n| {
            let sum = weigh(&n[1..], &[6, 7, 8, 9, 10, 5, 4, 3, 2]);
            is_letter(b"21987654321", u64::from(sum % 11), n[0])
        },
        &["utr", "hmrc"],
    ),
    scheme(
        DriverLicense,
        "AXXXX 999999 AX9AA",
        (0.85, 0.75),
        |n| is_day(value(&n[6..8]) % 50, value(&n[8..10])),
        &["driver", "driving", "licence", "dvla"],
    ),
    // Germany: tax identification number, tax number, pension insurance number.
    scheme(
        TaxId,
        "99 999 999 999",
        (0.6, 0.35),
        |n| {
            // Of the first ten digits, one stands there twice or three times.
            let distinct = (0..10).filter(|digit| n[..10].contains(digit)).count();
            n[0] != 0 && (8..=9).contains(&distinct) && iso_11_10(n)
        },
        &["idnr", "steuerid", "identifikationsnummer"],
    ),
    scheme(
        TaxId,
        "999/999/99999",
        (0.5, 0.0),
        |_| true,
        &["steuernummer", "finanzamt"],
    ),
    scheme(TaxId, "99/999/99999", (0.5, 0.0), |_| true, &["stnr"]),
    scheme(TaxId, "999/9999/9999", (0.5, 0.0), |_| true, &["steuernr"]),
    scheme(
        NationalId,
        "99 999999 A 999",
        (0.85, 0.6),
        |n| {
            let letter = n[8] - 9;
            let expanded = [
                n[0],
                n[1],
                n[2],
                n[3],
                n[4],
                n[5],
                n[6],
                n[7],
                letter / 10,
                letter % 10,
                n[9],
                n[10],
            ];
            let sum: u32 = expanded
                .iter()
                .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
                .map(|(digit, weight)| u32::from(*digit) * weight)
                .map(|product| product / 10 + product % 10)
                .sum();
            day(&n[4..6], &n[2..4]) && sum % 10 == u32::from(n[11])
        },
        &[
            "rentenversicherungsnummer",
            "sozialversicherungsnummer",
            "rvnr",
            "svnr",
        ],
    ),
    // France: social security number (departments 2A and 2B are Corsica), tax reference number.
    scheme(
        NationalId,
        "9 99 99 9X 999 999 99",
        (0.9, 0.75),
        |n| {
            let department = match (n[5], n[6]) {
                (tens, ones @ 0..=9) => value(&[tens, ones]),
                (2, 10) => 19,
                (2, 11) => 18,
                _ => return false,
            };
            let number = (value(&n[..5]) * 100 + department) * 1_000_000 + value(&n[7..13]);
            n[0] != 0 && 97 - number % 97 == value(&n[13..])
        },
        &["nir", "insee", "sécurité", "sociale"],
    ),
    scheme(
        TaxId,
        "99 99 999 999 999",
        (0.85, 0.55),
        |n| n[0] < 4 && value(&n[..10]) % 511 == value(&n[10..]),
        &["spi", "impôt", "impots"],
    ),
    // Spain: identity card with and without dots, foreigners, firms.
    scheme(
        NationalId,
        "99999999-A",
        (0.8, 0.6),
        |n| is_letter(SPANISH, value(&n[..8]) % 23, n[8]),
        &["dni", "nif"],
    ),
    scheme(
        NationalId,
        "99.999.999-A",
        (0.85, 0.0),
        |n| is_letter(SPANISH, value(&n[..8]) % 23, n[8]),
        &["documento", "dni"],
    ),
    scheme(
        NationalId,
        "A-9999999-A",
        (0.85, 0.7),
        |n| {
            // X, Y, Z
            n[0] >= 33
                && is_letter(
                    SPANISH,
                    (value(&[n[0] - 33]) * 10_000_000 + value(&n[1..8])) % 23,
                    n[8],
                )
        },
        &["nie", "extranjero"],
    ),
    scheme(
        TaxId,
        "A-9999999X",
        (0.45, 0.35),
        |n| {
            let check =
                (0..10).find(|check| luhn(&[n[1], n[2], n[3], n[4], n[5], n[6], n[7], *check], 10));
            one_of(b"ABCDEFGHJNPQRSUVW", n[0])
                && check.is_some_and(|check| {
                    n[8] == check || is_letter(b"JABCDEFGHI", u64::from(check), n[8])
                })
        },
        &["cif", "nif"],
    ),
    // Portugal: tax number, citizen card.
    scheme(
        TaxId,
        "999 999 999",
        (0.5, 0.3),
        |n| one_of(b"1235689", n[0]) && complement_11(n, &[9, 8, 7, 6, 5, 4, 3, 2]),
        &["nif", "contribuinte"],
    ),
    scheme(
        NationalId,
        "99999999 9 AX9",
        (0.85, 0.5),
        |n| {
            let sum: u32 = n
                .iter()
                .rev()
                .enumerate()
                .map(|(index, digit)| u32::from(*digit) << (index % 2))
                .zip([false, true].into_iter().cycle())
                .map(|(digit, doubled)| {
                    if doubled && digit > 9 {
                        digit - 9
                    } else {
                        digit
                    }
                })
                .sum();
            sum.is_multiple_of(10)
        },
        &["cidadão", "cidadao"],
    ),
    // Italy: fiscal code of people (letters may stand for digits where two would be alike), and of firms.
    scheme(
        TaxId,
        "AAA AAA XXAXX AXXXA",
        (0.95, 0.9),
        |n| {
            const ODD: [u8; 26] = [
                1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22,
                25, 24, 23,
            ];
            let place = |value: u8| if value < 10 { value } else { value - 10 };
            let sum: u32 = n[..15]
                .iter()
                .enumerate()
                .map(|(index, value)| match index % 2 {
                    0 => u32::from(ODD[usize::from(place(*value))]),
                    _ => u32::from(place(*value)),
                })
                .sum();
            [6, 7, 9, 10, 12, 13, 14]
                .iter()
                .all(|at| one_of(b"0123456789LMNPQRSTUV", n[*at]))
                && one_of(b"ABCDEHLMPRST", n[8])
                && n.iter().any(|value| *value < 10)
                && sum % 26 == u32::from(n[15] - 10)
        },
        &["codice", "fiscale", "cf"],
    ),
    scheme(
        TaxId,
        "99999999999",
        (0.0, 0.25),
        |n| luhn(n, 10),
        &["iva", "partita"],
    ),
    scheme(
        NationalId,
        "AA99999AA",
        (0.0, 0.3),
        |_| true,
        &["carta", "identità", "cie"],
    ),
    scheme(
        DriverLicense,
        "AX9999999A",
        (0.0, 0.3),
        |_| true,
        &["patente", "guida"],
    ),
    // Netherlands, Belgium.
    scheme(
        NationalId,
        "9999 99 999",
        (0.5, 0.3),
        |n| weigh(n, &[9, 8, 7, 6, 5, 4, 3, 2, 10]).is_multiple_of(11),
        &["bsn", "burgerservicenummer", "sofinummer"],
    ),
    scheme(
        NationalId,
        "99 99 99 999 99",
        (0.9, 0.65),
        |n| {
            let number = value(&n[..9]);
            value(&n[2..4]) % 20 <= 12
                && value(&n[4..6]) <= 31
                // Since 2000 with a 2 before.
                && [number, number + 2_000_000_000]
                    .iter()
                    .any(|number| 97 - number % 97 == value(&n[9..]))
        },
        &["rijksregisternummer", "insz", "niss", "registre"],
    ),
    // Switzerland, Austria, Ireland.
    scheme(
        NationalId,
        "999.9999.9999.99",
        (0.9, 0.75),
        |n| {
            n[..3] == [7, 5, 6]
                && weigh(n, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
        },
        &["ahv", "avs"],
    ),
    scheme(
        TaxId,
        "AAA-999.999.999",
        (0.85, 0.75),
        |n| {
            // CHE
            n[..3] == [12, 17, 14]
                && weigh(&n[3..], &[5, 4, 3, 2, 7, 6, 5, 4, 1]).is_multiple_of(11)
        },
        &["uid", "mwst"],
    ),
    scheme(
        NationalId,
        "9999 999999",
        (0.6, 0.3),
        |n| {
            n[0] != 0
                && day(&n[6..8], &n[4..6])
                && weigh(n, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == u32::from(n[3])
        },
        &["sozialversicherung", "svnr", "versicherungsnummer"],
    ),
    scheme(
        NationalId,
        "9999999A",
        (0.0, 0.4),
        |n| irish(n, 0),
        &["pps", "ppsn", "revenue"],
    ),
    scheme(
        NationalId,
        "9999999AA",
        (0.0, 0.45),
        |n| one_of(b"ABHWTX", n[8]) && irish(n, if n[8] < 18 { n[8] - 9 } else { 0 }),
        &["ppsno", "pps", "ppsn", "revenue"],
    ),
    // Sweden with the century and without, Denmark (and Iceland), Norway, Finland before 2000 and since.
    scheme(
        NationalId,
        "99999999-9999",
        (0.8, 0.45),
        |n| is_day(value(&n[4..6]), value(&n[6..8]) % 60) && luhn(&n[2..], 10),
        &["personnummer", "samordningsnummer"],
    ),
    scheme(
        NationalId,
        "999999-9999",
        (0.75, 0.3),
        |n| is_day(value(&n[2..4]), value(&n[4..6]) % 60) && luhn(n, 10),
        &["personnr", "personnummer"],
    ),
    scheme(
        NationalId,
        "999999-9999",
        (0.55, 0.2),
        |n| day(&n[2..4], &n[..2]),
        &["cpr", "personnummer", "kennitala"],
    ),
    scheme(
        NationalId,
        "999999 99999",
        (0.8, 0.6),
        |n| {
            is_day(value(&n[2..4]) % 40, value(&n[..2]) % 40)
                && weigh(n, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
                && weigh(n, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
        },
        &["fødselsnummer", "fodselsnummer"],
    ),
    scheme(
        NationalId,
        "999999-999X",
        (0.9, 0.0),
        |n| finnish(n, &n[6..9], n[9]),
        &["hetu", "henkilötunnus"],
    ),
    scheme(
        NationalId,
        "999999A999X",
        (0.0, 0.75),
        |n| one_of(b"ABCDEFUVWXY", n[6]) && finnish(n, &n[7..10], n[10]),
        &["henkilötunnus", "hetu"],
    ),
    // Poland: people, taxes, identity card.
    scheme(
        NationalId,
        "99999999999",
        (0.0, 0.45),
        |n| {
            is_day(value(&n[2..4]) % 20, value(&n[4..6]))
                && weigh(n, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
        },
        &["pesel"],
    ),
    scheme(
        TaxId,
        "999-999-99-99",
        (0.75, 0.25),
        |n| weigh(n, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(n[9]),
        &["nip"],
    ),
    scheme(
        NationalId,
        "AAA 999999",
        (0.45, 0.3),
        |n| weigh(n, &[7, 3, 1, 9, 7, 3, 1, 7, 3]).is_multiple_of(10),
        &["dowód", "dowod", "osobisty"],
    ),
    // Czechia and Slovakia; Hungary: health insurance, taxes.
    scheme(
        NationalId,
        "999999/9999",
        (0.85, 0.3),
        |n| {
            is_day(value(&n[2..4]) % 50 % 20, value(&n[4..6]))
                && value(&n[..9]) % 11 % 10 == value(&n[9..])
        },
        &["rodné", "rodne", "rč"],
    ),
    scheme(
        MedicalRecord,
        "999 999 999",
        (0.45, 0.25),
        |n| weigh(n, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == u32::from(n[8]),
        &["taj"],
    ),
    scheme(
        TaxId,
        "9999999999",
        (0.0, 0.3),
        |n| n[0] == 8 && weigh(n, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == u32::from(n[9]),
        &["adóazonosító", "adóazonosítója"],
    ),
    // Baltic states: Estonia and Lithuania, Latvia.
    scheme(
        NationalId,
        "99999999999",
        (0.0, 0.45),
        |n| {
            (1..=8).contains(&n[0])
                && day(&n[3..5], &n[5..7])
                && remainder_11(
                    n,
                    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1],
                    &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3],
                )
        },
        &["isikukood", "asmens"],
    ),
    scheme(
        NationalId,
        "999999-99999",
        (0.7, 0.3),
        |n| (1 + weigh(n, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10 == u32::from(n[10]),
        &["personas", "pk"],
    ),
    // South-east: Romania, Bulgaria, Greece (people, taxes), Croatia, the states of former Yugoslavia.
    scheme(
        NationalId,
        "9999999999999",
        (0.0, 0.45),
        |n| {
            let sum = weigh(n, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
            (1..=8).contains(&n[0])
                && day(&n[3..5], &n[5..7])
                && u32::from(n[12]) == if sum == 10 { 1 } else { sum }
        },
        &["cnp"],
    ),
    scheme(
        NationalId,
        "9999999999",
        (0.0, 0.35),
        |n| {
            is_day(value(&n[2..4]) % 20, value(&n[4..6]))
                && weigh(n, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == u32::from(n[9])
        },
        &["egn", "егн"],
    ),
    scheme(
        NationalId,
        "99999999999",
        (0.0, 0.4),
        |n| day(&n[2..4], &n[..2]) && luhn(n, 10),
        &["amka", "αμκα"],
    ),
    scheme(
        TaxId,
        "999999999",
        (0.0, 0.25),
        |n| weigh(n, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == u32::from(n[8]),
        &["afm", "αφμ"],
    ),
    scheme(NationalId, "99999999999", (0.0, 0.3), iso_11_10, &["oib"]),
    scheme(
        NationalId,
        "9999999999999",
        (0.0, 0.45),
        |n| day(&n[2..4], &n[..2]) && complement_11(n, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]),
        &["jmbg", "emšo", "emso"],
    ),
    // Russia: people's tax number, pension insurance; Ukraine.
    scheme(
        TaxId,
        "999999999999",
        (0.0, 0.4),
        |n| {
            weigh(n, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == u32::from(n[10])
                && weigh(n, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == u32::from(n[11])
        },
        &["inn", "инн"],
    ),
    scheme(
        NationalId,
        "999-999-999 99",
        (0.9, 0.35),
        |n| u64::from(weigh(n, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100) == value(&n[9..]),
        &["snils", "снилс"],
    ),
    scheme(
        TaxId,
        "9999999999",
        (0.0, 0.25),
        |n| weigh(n, &[10, 5, 7, 9, 4, 6, 10, 5, 7]) % 11 % 10 == u32::from(n[9]),
        &["rnokpp", "рнокпп", "іпн"],
    ),
    // Turkey.
    scheme(
        NationalId,
        "99999999999",
        (0.0, 0.55),
        |n| {
            n[0] != 0
                && weigh(n, &[3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
                && weigh(n, &[1; 10]) % 10 == u32::from(n[10])
        },
        &["tckn", "tc", "kimlik"],
    ),
];

const SPANISH: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Seven digits and a letter; the second letter, if it counts, by its place in the alphabet.
fn irish(n: &[u8], second: u8) -> bool {
    let sum = weigh(&n[..7], &[8, 7, 6, 5, 4, 3, 2]) + 9 * u32::from(second);
    is_letter(b"WABCDEFGHIJKLMNOPQRSTUV", u64::from(sum % 23), n[7])
}

/// Day of birth, the number within the day, the check.
fn finnish(n: &[u8], individual: &[u8], check: u8) -> bool {
    let number = value(&n[..6]) * 1000 + value(individual);
    day(&n[2..4], &n[..2]) && is_letter(b"0123456789ABCDEFHJKLMNPRSTUVWXY", number % 31, check)
}
