//! Devices, vehicles, banks and prescribers.

use query::EntityKind::{BankAccount, DeviceId, LicenseNumber, MacAddress, VehicleId};

use super::{
    Scheme,
    check::{luhn, one_of, value, weigh},
    scheme,
};

pub(super) const SCHEMES: &[Scheme] = &[
    // IEEE 802: colons, dashes, or dots between every four.
    scheme(
        MacAddress,
        "HH:HH:HH:HH:HH:HH",
        (0.85, 0.0),
        |_| true,
        &["mac"],
    ),
    scheme(
        MacAddress,
        "HH-HH-HH-HH-HH-HH",
        (0.75, 0.0),
        has_letter,
        &["ethernet", "mac"],
    ),
    scheme(
        MacAddress,
        "HHHH.HHHH.HHHH",
        (0.6, 0.0),
        has_letter,
        &["cisco", "mac"],
    ),
    // 3GPP TS 23.003, section 6.
    scheme(
        DeviceId,
        "99 999999 999999 9",
        (0.75, 0.35),
        |n| luhn(n, 10),
        &["imei", "handset", "device"],
    ),
    // ISO 3779, with the check digit of 49 CFR 565.15; Europe's have none, and need a word.
    scheme(
        VehicleId,
        "XXXXXXXXXXXXXXXXX",
        (0.0, 0.7),
        |n| {
            let digits: Vec<u8> = n
                .iter()
                .map(|value| match value {
                    0..=9 => *value,
                    // A to H, J to R, S to Z.
                    10..=18 => value - 9,
                    19..=27 => value - 18,
                    _ => value - 26,
                })
                .collect();
            let sum = weigh(
                &digits,
                &[8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2],
            );
            let check = if n[8] == 33 { 10 } else { u32::from(n[8]) };
            is_vin(n) && sum % 11 == check
        },
        &["vin", "vehicle", "chassis", "car"],
    ),
    scheme(
        VehicleId,
        "XXXXXXXXXXXXXXXXX",
        (0.0, 0.25),
        is_vin,
        &["fin", "vin", "chassis"],
    ),
    // American Bankers Association: the first two digits tell the Federal Reserve's district.
    scheme(
        BankAccount,
        "999999999",
        (0.0, 0.25),
        |n| {
            matches!(value(&n[..2]), 0..=12 | 21..=32 | 61..=72 | 80)
                && weigh(n, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
        },
        &["routing", "aba", "transit", "rtn", "ach", "wire"],
    ),
    // US prescribers: Drug Enforcement Administration; national provider (Luhn after 80840).
    scheme(
        LicenseNumber,
        "AX9999999",
        (0.0, 0.4),
        |n| {
            one_of(b"ABCDEFGHJKLMPRSTUX", n[0])
                && (n[1] >= 10 || n[1] == 9)
                && weigh(&n[2..], &[1, 2, 1, 2, 1, 2]) % 10 == u32::from(n[8])
        },
        &["dea"],
    ),
    scheme(
        LicenseNumber,
        "9999999999",
        (0.0, 0.25),
        |n| {
            let prefixed = [8, 0, 8, 4, 0]
                .iter()
                .chain(n)
                .copied()
                .collect::<Vec<u8>>();
            matches!(n[0], 1 | 2) && luhn(&prefixed, 10)
        },
        &["npi"],
    ),
];

/// Digits alone between dashes or dots are more likely something else.
fn has_letter(n: &[u8]) -> bool {
    n.iter().any(|value| *value > 9)
}

/// Letters that look like no digit, some digits among them, and a number at the end.
fn is_vin(n: &[u8]) -> bool {
    !n.iter().any(|value| one_of(b"IOQ", *value))
        && has_letter(n)
        && n[14..].iter().all(|value| *value < 10)
        && n.iter().filter(|value| **value < 10).count() > 4
}
