//! What must not pass.

use proptest::prelude::*;

use super::*;

fn redeem(bytes: &[u8]) -> Result<Redeemed, Error> {
    Token::parse(bytes)?.redeem(&challenge(), [KEY.public()])
}

#[test]
fn a_token_that_was_changed_in_any_bit_does_not_hold() {
    let whole = token(&KEY, &challenge(), [7; 32]);
    assert!(redeem(&whole).is_ok());
    for bit in 0..8 * whole.len() {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0..2 => Error::Token("its type is not 2"),
            2..34 => Error::Signature,
            34..66 => Error::OtherChallenge,
            66..98 => Error::UnknownKey,
            _ => Error::Signature,
        };
        assert_eq!(redeem(&changed), Err(expected), "bit {bit}");
    }
    for length in 0..whole.len() {
        assert!(matches!(redeem(&whole[..length]), Err(Error::Token(_))));
    }
}

#[test]
fn a_token_for_another_origin_or_of_another_key_does_not_hold() {
    let other = Challenge::new("issuer.example", "another.example").unwrap();
    let bytes = token(&KEY, &other, [7; 32]);
    assert_eq!(redeem(&bytes), Err(Error::OtherChallenge));
    let bytes = token(&FRESH, &challenge(), [7; 32]);
    assert_eq!(redeem(&bytes), Err(Error::UnknownKey));
    // Its signature under our key's name.
    let mut bytes = bytes;
    bytes[66..98].copy_from_slice(&KEY.public().id());
    assert_eq!(redeem(&bytes), Err(Error::Signature));
}

#[test]
fn a_header_is_read_in_all_forms_and_no_other() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE};
    let bytes = token(&KEY, &challenge(), [7; 32]);
    let text = URL_SAFE.encode(&bytes);
    let parsed = Token::parse(&bytes);
    for header in [
        format!("PrivateToken token=\"{text}\""),
        format!("PrivateToken token={text}"),
        format!(" privatetoken  extension=\"a\", token = \"{text}\" "),
    ] {
        assert_eq!(Token::from_header(&header), parsed, "{header}");
    }
    for header in [
        "",
        "PrivateToken",
        "PrivateToken token=",
        "PrivateToken token=\"AAAA\"",
        "PrivateToken token=\"\u{e9}\"",
        &format!("Bearer token=\"{text}\""),
        &format!("PrivateToken {text}"),
        &format!("PrivateToken token=\"{text}"),
    ] {
        assert!(Token::from_header(header).is_err(), "{header}");
    }
}

#[test]
fn requests_that_cannot_be_signed_are_refused_as_a_whole() {
    let request = |truncated_key_id, blinded| TokenRequest {
        truncated_key_id,
        blinded,
    };
    let id = KEY.public().truncated_id();
    let good = request(id, [1; SIGNATURE]);
    assert!(Batch(vec![good.clone()]).sign([&*KEY]).is_ok());
    let other = request(id ^ 1, [1; SIGNATURE]);
    let too_large = request(id, [255; SIGNATURE]);
    for (bad, error) in [
        (other, Error::OtherKey),
        (
            too_large,
            Error::Request("what is to be signed is no number below the key's modulus"),
        ),
    ] {
        assert_eq!(Batch(vec![good.clone(), bad]).sign([&*KEY]), Err(error));
    }
}

#[test]
fn batches_are_bounded_and_whole() {
    let request = TokenRequest {
        truncated_key_id: 3,
        blinded: [9; SIGNATURE],
    };
    let batch = Batch(vec![request; 3]);
    let bytes = batch.bytes();
    assert_eq!(Batch::parse(&bytes, 3), Ok(batch));
    assert!(Batch::parse(&bytes, 2).is_err());
    for length in 0..bytes.len() {
        assert!(Batch::parse(&bytes[..length], 3).is_err(), "{length}");
    }
    assert!(Batch::parse(&[0], 3).is_err());
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in ".*") {
        let _ = Batch::parse(&bytes, 2);
        let _ = redeem(&bytes);
        let _ = TokenKey::from_spki(&bytes);
        let _ = Token::from_header(&text);
    }
}
