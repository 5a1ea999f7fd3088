//! Addresses of wallets: whatever has the checksum of Base58Check (Bitcoin, Litecoin, Dogecoin, Dash, Tron …),
//! of Bech32 (BIP 173) or Bech32m (BIP 350), or the form of Ethereum's.

use query::EntityKind;
use sha2::{Digest, Sha256};
use sha3::{Digest as _, Keccak256};

use super::{has_context, is_word, raised, word_starts};
use crate::detect::Span;

const WORDS: [&str; 16] = [
    "wallet", "address", "bitcoin", "btc", "ethereum", "eth", "crypto", "litecoin", "ltc",
    "monero", "xmr", "solana", "sol", "usdt", "usdc", "tron",
];
/// Fewer letters and digits are no address; more are none either, but a Lightning invoice has hundreds.
const SHORTEST: usize = 25;
const LONGEST: usize = 600;

/// Adds addresses.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    for start in word_starts(text) {
        let rest = &text.as_bytes()[start..];
        let word = &rest[..rest
            .iter()
            .take(LONGEST + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count()];
        let end = start + word.len();
        if !(SHORTEST..=LONGEST).contains(&word.len()) || text[end..].starts_with(is_word) {
            continue;
        }
        let range = start..end;
        let score = if let Some(digits) = word.strip_prefix(b"0x") {
            ethereum(digits)
        } else if base58_check(word) || bech32(word) {
            0.95
        } else {
            base58_alone(word)
        };
        if score > 0.0 {
            let near = has_context(text, &range, &WORDS);
            spans.push(Span {
                range,
                kind: EntityKind::CryptoAddress,
                score: raised(score, near),
            });
        }
    }
}

/// Forty hexadecimal digits. In mixed case, the case is a check (EIP-55): a letter is a capital where the
/// digit of Keccak-256 of the lower-case digits is 8 or more.
fn ethereum(digits: &[u8]) -> f32 {
    if digits.len() != 40 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return 0.0;
    }
    let has = |test: fn(&u8) -> bool| digits.iter().any(test);
    if !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)) {
        return 0.7;
    }
    let hash = Keccak256::digest(digits.to_ascii_lowercase());
    let right = digits.iter().enumerate().all(|(index, digit)| {
        let nibble = hash[index / 2] >> (4 * (1 - index % 2)) & 15;
        digit.is_ascii_digit() || digit.is_ascii_uppercase() == (nibble > 7)
    });
    // A mistyped one still tells the wallet, if the words say that it is one.
    if right { 0.95 } else { 0.3 }
}

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// One or two bytes of version, a hash of twenty, and four bytes of SHA-256 twice over them.
fn base58_check(word: &[u8]) -> bool {
    if word.len() > 36 {
        return false;
    }
    // Big-endian; 36 digits of base 58 fit into 27 bytes.
    let mut bytes = [0u8; 27];
    for letter in word {
        let Some(digit) = BASE58.iter().position(|known| known == letter) else {
            return false;
        };
        let carry = bytes.iter_mut().rev().fold(digit as u32, |carry, byte| {
            let value = u32::from(*byte) * 58 + carry;
            *byte = value as u8;
            value >> 8
        });
        if carry > 0 {
            return false;
        }
    }
    // The version may be zero, so its length is not known from the number.
    [25, 26].iter().any(|length| {
        let (above, payload) = bytes.split_at(bytes.len() - length);
        let (body, check) = payload.split_at(length - 4);
        above.iter().all(|byte| *byte == 0)
            && Sha256::digest(Sha256::digest(body)).starts_with(check)
    })
}

/// A name, a 1, and letters that satisfy the polynomial.
fn bech32(word: &[u8]) -> bool {
    const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
    let mixed = word.iter().any(u8::is_ascii_lowercase) && word.iter().any(u8::is_ascii_uppercase);
    let word = word.to_ascii_lowercase();
    let Some(one) = word.iter().rposition(|letter| *letter == b'1') else {
        return false;
    };
    let (name, data) = (&word[..one], &word[one + 1..]);
    if mixed || name.is_empty() || data.len() < 20 {
        return false;
    }
    let letters: Option<Vec<u8>> = data
        .iter()
        .map(|letter| {
            LETTERS
                .iter()
                .position(|known| known == letter)
                .map(|at| at as u8)
        })
        .collect();
    let Some(letters) = letters else { return false };
    let high = name.iter().map(|letter| letter >> 5);
    let low = name.iter().map(|letter| letter & 31);
    let check = high
        .chain([0])
        .chain(low)
        .chain(letters)
        .fold(1u32, |check, value| {
            let top = check >> 25;
            let next = (check & 0x1ff_ffff) << 5 ^ u32::from(value);
            GENERATOR
                .iter()
                .enumerate()
                .filter(|(bit, _)| top >> bit & 1 == 1)
                .fold(next, |next, (_, term)| next ^ term)
        });
    // Bech32, Bech32m.
    matches!(check, 1 | 0x2bc8_30a3)
}

/// Monero's 95 letters and Solana's 43 or 44: no checksum that is worth its size, so by form, the shorter one
/// only where words speak for it.
fn base58_alone(word: &[u8]) -> f32 {
    let is_base58 = word.iter().all(|letter| BASE58.contains(letter));
    let has_all = word.iter().any(u8::is_ascii_digit)
        && word.iter().any(u8::is_ascii_lowercase)
        && word.iter().any(u8::is_ascii_uppercase);
    match word.len() {
        95 | 106 if is_base58 && has_all && matches!(word[0], b'4' | b'8') => 0.8,
        43 | 44 | 34 if is_base58 && has_all => 0.3,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_hold_for_published_addresses_and_for_no_other_letter() {
        for address in [
            // The first block's; BIP 173; a Litecoin, a Dogecoin and a Tron address.
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        ] {
            altered(address, base58_check);
        }
        for address in [
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ] {
            altered(address, bech32);
        }
        for address in [
            // EIP-55.
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "dbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "D1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            altered(address, |address| ethereum(address) > 0.9);
        }
    }

    #[track_caller]
    fn altered(address: &str, holds: impl Fn(&[u8]) -> bool) {
        let mut bytes = address.as_bytes().to_vec();
        assert!(holds(&bytes), "{address}");
        for at in 0..bytes.len() {
            let old = bytes[at];
            bytes[at] = if old == b'2' { b'3' } else { b'2' };
            assert!(!holds(&bytes), "{address} at {at}");
            bytes[at] = old;
        }
    }
}
