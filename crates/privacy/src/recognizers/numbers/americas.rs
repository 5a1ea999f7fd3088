//! North and South America.

use query::EntityKind::{MedicalRecord, NationalId, TaxId};

use super::{
    Scheme,
    check::{complement_11, day, is_letter, luhn, one_of, value, weigh},
    scheme,
};

/// Sources: the authorities' descriptions, as gathered with references in python-stdnum 2.2.
pub(super) const SCHEMES: &[Scheme] = &[
    // United States: individual taxpayers, employers, Medicare beneficiaries (CMS, "Understanding the MBI").
    scheme(
        TaxId,
        "999-99-9999",
        (0.75, 0.2),
        |n| n[0] == 9 && matches!(value(&n[3..5]), 50..=65 | 70..=88 | 90..=92 | 94..=99),
        &["itin", "ssn"],
    ),
    scheme(
        TaxId,
        "99-9999999",
        (0.45, 0.2),
        |n| {
            !matches!(
                value(&n[..2]),
                0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97
            )
        },
        &["ein", "fein", "employer", "irs"],
    ),
    scheme(
        MedicalRecord,
        "9AX9-AX9-AA99",
        (0.85, 0.6),
        |n| n[0] != 0 && !n.iter().any(|value| one_of(b"SLOIBZ", *value)),
        &["mbi", "beneficiary"],
    ),
    // Canada.
    scheme(
        NationalId,
        "999 999 999",
        (0.5, 0.25),
        |n| n[0] != 8 && luhn(n, 10),
        &["sin", "insurance", "nas"],
    ),
    // Brazil: people, firms (since 2026 with letters, which count by their place in ASCII).
    scheme(
        TaxId,
        "999.999.999-99",
        (0.95, 0.55),
        |n| {
            complement_11(&n[..10], &[10, 9, 8, 7, 6, 5, 4, 3, 2])
                && complement_11(n, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
        },
        &["cpf"],
    ),
    scheme(
        TaxId,
        "XX.XXX.XXX/XXXX-99",
        (0.95, 0.55),
        |n| {
            let ascii: Vec<u8> = n
                .iter()
                .map(|value| if *value < 10 { *value } else { *value + 7 })
                .collect();
            n.iter().filter(|value| **value < 10).count() > 4
                && complement_11(&ascii[..13], &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
                && complement_11(&ascii, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
        },
        &["cnpj"],
    ),
    // Mexico: people, taxes.
    scheme(
        NationalId,
        "AAAA999999AAAAAAX9",
        (0.0, 0.95),
        |n| {
            // Ñ stands between N and O.
            let sum: u32 = n[..17]
                .iter()
                .zip((2..=18).rev())
                .map(|(value, weight)| (u32::from(*value) + u32::from(*value > 23)) * weight)
                .sum();
            day(&n[6..8], &n[8..10])
                && one_of(b"HMX", n[10])
                && (sum + u32::from(n[17])).is_multiple_of(10)
        },
        &["curp"],
    ),
    scheme(
        TaxId,
        "AAAA 999999 XXX",
        (0.75, 0.6),
        |n| day(&n[6..8], &n[8..10]),
        &["rfc"],
    ),
    // Argentina, Chile (with dots and without), Colombia, Uruguay, Ecuador, Peru, Dominican Republic.
    scheme(
        TaxId,
        "99-99999999-9",
        (0.85, 0.35),
        |n| {
            matches!(value(&n[..2]), 20 | 23..=27 | 30 | 33 | 34 | 50 | 51 | 55)
                && weigh(n, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
        },
        &["cuit", "cuil"],
    ),
    scheme(
        NationalId,
        "99.999.999-X",
        (0.85, 0.3),
        |n| chilean(n, &[3, 2, 7, 6, 5, 4, 3, 2]),
        &["rut", "run"],
    ),
    scheme(
        NationalId,
        "9.999.999-X",
        (0.85, 0.3),
        |n| chilean(n, &[2, 7, 6, 5, 4, 3, 2]),
        &["run", "rut"],
    ),
    scheme(
        NationalId,
        "99999999-X",
        (0.6, 0.0),
        |n| chilean(n, &[3, 2, 7, 6, 5, 4, 3, 2]),
        &["rol", "rut"],
    ),
    scheme(
        TaxId,
        "999.999.999-9",
        (0.85, 0.25),
        |n| {
            let sum = weigh(n, &[41, 37, 29, 23, 19, 17, 13, 7, 3]) % 11;
            is_letter(b"01987654321", u64::from(sum), n[9])
        },
        &["nit"],
    ),
    scheme(
        NationalId,
        "9.999.999-9",
        (0.8, 0.25),
        |n| weigh(n, &[2, 9, 8, 7, 6, 3, 4, 1]).is_multiple_of(10),
        &["cédula", "cedula", "ci"],
    ),
    scheme(
        NationalId,
        "999999999-9",
        (0.55, 0.3),
        |n| matches!(value(&n[..2]), 1..=24 | 30) && n[2] < 7 && luhn(n, 10),
        &["ecuador", "cédula", "cedula"],
    ),
    scheme(
        TaxId,
        "99999999999",
        (0.0, 0.35),
        |n| {
            matches!(value(&n[..2]), 10 | 15 | 17 | 20)
                && (11 - weigh(n, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 10 == u32::from(n[10])
        },
        &["ruc"],
    ),
    scheme(
        NationalId,
        "999-9999999-9",
        (0.8, 0.3),
        |n| luhn(n, 10),
        &["dominicana", "cédula", "cedula"],
    ),
];

/// The last letter or digit brings the sum to a multiple of 11: K is ten.
fn chilean(n: &[u8], weights: &[u32]) -> bool {
    let (check, rest) = (n[n.len() - 1], &n[..n.len() - 1]);
    let expected = (11 - weigh(rest, weights) % 11) % 11;
    u32::from(check) == if expected == 10 { 20 } else { expected }
}
