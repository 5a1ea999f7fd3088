//! A gateway that refuses a request because of its date, or because it came before.

use super::*;

/// What the gateway saw of each attempt: the date, and the encapsulated key.
pub type Attempts = Rc<RefCell<Vec<(Option<u64>, Vec<u8>)>>>;

pub const NOW: u64 = 784_111_777;

/// A gateway that takes requests of this date alone.
pub fn picky(sealed: &[u8], attempts: &Attempts, accepted: u64) -> Vec<Vec<u8>> {
    let (request, mut sealer) = GatewayKeys::from_seed(&SEED).unwrap().open(sealed).unwrap();
    let encapsulated = sealed[7..7 + 1120].to_vec();
    attempts.borrow_mut().push((request.date_s(), encapsulated));
    if request.date_s() == Some(accepted) {
        return vec![
            sealer.head(200, &[]).unwrap(),
            sealer.chunk(data("Hello").as_bytes()).unwrap(),
            sealer.chunk(END.as_bytes()).unwrap(),
            sealer.finish().unwrap(),
        ];
    }
    let date = oblivious_http::date::format(NOW);
    let problem = r#"{"type":"https://iana.org/assignments/http-problem-types#date","error":{"code":"clock-skewed","message":"m"}}"#;
    vec![
        sealer
            .head(
                400,
                &[
                    ("content-type", "application/problem+json"),
                    ("date", &date),
                ],
            )
            .unwrap(),
        sealer.chunk(problem.as_bytes()).unwrap(),
        sealer.finish().unwrap(),
    ]
}

#[test]
fn a_wrong_clock_is_corrected_once_and_the_question_sealed_anew() {
    let attempts = Attempts::default();
    let (result, events) = answer(
        |sealed: &[u8]| Ok(whole(picky(sealed, &attempts, NOW))),
        ask("Hi"),
    );
    assert_eq!(result, Ok(()));
    assert_eq!(read(events).0, "Hello");
    let attempts = attempts.borrow();
    let dates: Vec<_> = attempts.iter().map(|(date, _)| *date).collect();
    // The device's clock stands at 1970.
    assert_eq!(dates, [Some(0), Some(NOW)]);
    assert_ne!(attempts[0].1, attempts[1].1, "sealed with one key twice");
}

#[test]
fn a_correction_is_not_kept_for_the_next_question() {
    let attempts = Attempts::default();
    let engine = engine(|sealed: &[u8]| Ok(whole(picky(sealed, &attempts, NOW))));
    for _ in 0..2 {
        block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |_| ())).unwrap();
    }
    let dates: Vec<_> = attempts.borrow().iter().map(|(date, _)| *date).collect();
    assert_eq!(dates, [Some(0), Some(NOW), Some(0), Some(NOW)]);
}

#[test]
fn a_gateway_that_refuses_every_date_ends_it_after_the_second() {
    let attempts = Attempts::default();
    let (result, events) = answer(
        |sealed: &[u8]| Ok(whole(picky(sealed, &attempts, u64::MAX))),
        ask("Hi"),
    );
    let error = result.unwrap_err();
    assert_eq!(error.code, ErrorCode::ClockSkewed);
    assert!(error.message.contains("set the device's clock"), "{error}");
    assert_eq!(attempts.borrow().len(), 2);
    assert!(read(events).1.is_none());
}

#[test]
fn a_question_that_came_before_is_an_error_and_not_sent_again() {
    let seen = Rc::<RefCell<Vec<String>>>::default();
    let body = r#"{"error":{"code":"replayed","message":"m"}}"#;
    let relay = |sealed: &[u8]| Ok(whole(gateway(400, &[body.to_owned()], &seen, sealed)));
    let error = answer(relay, ask("Hi")).0.unwrap_err();
    assert_eq!(error.code, ErrorCode::Replayed);
    assert!(
        error.recoverable && error.message.contains("ask again"),
        "{error}"
    );
    assert_eq!(seen.borrow().len(), 1);
}
