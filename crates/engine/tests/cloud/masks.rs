//! What has to look before anything leaves, what a person changes about its masks, and a vault that is kept.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use engine::Decision;
use query::{Doubt, HiddenText, MaskEdits, Preview};

use super::*;

/// Decides so once, and allows everything after that; keeps what it was shown.
struct Once {
    decision: Cell<Option<Decision>>,
    shown: RefCell<Vec<String>>,
}

impl Once {
    fn with(edits: MaskEdits) -> Self {
        Self {
            decision: Cell::new(Some(Decision::SendWith(edits))),
            shown: RefCell::default(),
        }
    }
}

impl Consent for &Once {
    async fn decide(&self, preview: &Preview) -> Result<Decision, Error> {
        self.shown
            .borrow_mut()
            .push(preview.messages[0].text.clone());
        Ok(self.decision.take().unwrap_or(Decision::Send))
    }

    async fn prefers_cloud(&self, _: &Doubt) -> Result<bool, Error> {
        panic!("there is no model here that could be in doubt")
    }
}

fn hide(text: &str, kind: Option<EntityKind>) -> MaskEdits {
    MaskEdits {
        hide: vec![HiddenText {
            text: text.to_owned(),
            kind,
        }],
        show: Vec::new(),
    }
}

fn show(text: &str) -> MaskEdits {
    MaskEdits {
        hide: Vec::new(),
        show: vec![text.to_owned()],
    }
}

/// The last message of a body.
fn asked(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

fn answered(seen: &Rc<RefCell<Vec<String>>>, sealed: &[u8]) -> Result<Wire, Error> {
    let pieces = [data("ok"), END.to_owned()];
    Ok(whole(gateway(200, &pieces, seen, sealed)))
}

fn nothing_is_sent(_: &[u8]) -> Result<Wire, Error> {
    panic!("something was sent")
}

#[test]
fn nothing_leaves_without_a_detector() {
    let engine = engine_asking(nothing_is_sent, Always(true));
    let ask_it = || block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |_| ())).unwrap_err();
    assert_eq!(ask_it().code, ErrorCode::DetectorUnavailable);

    let why = "https://page.example/tagger.bin: the server answered 404; serve it.";
    engine.set_no_detector(Error::new(ErrorCode::DetectorUnavailable, why));
    let error = ask_it();
    assert_eq!(
        (error.code, error.recoverable),
        (ErrorCode::DetectorUnavailable, true)
    );
    assert!(error.message.starts_with(why), "{}", error.message);
    let hi = ask("Hi");
    assert_eq!(engine.route(&hi, &CLOUD_ONLY), Err(error));
    let preview = engine.preview(&hi, &CLOUD_ONLY);
    assert_eq!(preview.unwrap_err().message, why);
}

#[test]
fn it_leaves_once_the_detector_is_there() {
    let seen = Rc::default();
    let engine = engine_asking(|sealed: &[u8]| answered(&seen, sealed), Always(true));
    let send = || block_on(engine.answer(ask("ada@example.com"), &CLOUD_ONLY, &mut |_| ()));
    assert_eq!(send().unwrap_err().code, ErrorCode::DetectorUnavailable);
    engine.set_detector(Detector::default());
    assert_eq!(send(), Ok(()));
    assert_eq!(asked(&seen.borrow()[0]), "[EMAIL_1]");
}

#[test]
fn edits_given_with_consent_are_what_leaves_and_stay() {
    let seen = Rc::default();
    let once = Once::with(MaskEdits {
        show: vec!["ada@example.com".to_owned()],
        ..hide("project nightjar", None)
    });
    let engine = engine_asking(|sealed: &[u8]| answered(&seen, sealed), &once);
    engine.set_detector(Detector::default());
    let text = "Project Nightjar: ada@example.com, bob@example.com, Projects Nightjar";
    let send = || block_on(engine.answer(ask(text), &CLOUD_ONLY, &mut |_| ())).unwrap();
    send();
    send();
    engine.forget();
    send();
    let before = "Project Nightjar: [EMAIL_1], [EMAIL_2], Projects Nightjar";
    let after = "[PRIVATE_1]: ada@example.com, [EMAIL_2], Projects Nightjar";
    assert_eq!(*once.shown.borrow(), [before, after, before]);
    let left: Vec<String> = seen.borrow().iter().map(|body| asked(body)).collect();
    assert_eq!(left, [after, after, before]);
}

#[test]
fn edits_may_keep_everything_here() {
    let once = Once::with(hide("Nightjar", Some(EntityKind::ApiKey)));
    let engine = engine_asking(nothing_is_sent, &once);
    engine.set_detector(Detector::default());
    let result = block_on(engine.answer(ask("Nightjar"), &CLOUD_ONLY, &mut |_| ()));
    assert_eq!(result.unwrap_err().code, ErrorCode::PrivacyBlocked);
}

#[test]
fn a_saved_vault_goes_on_with_its_conversation() {
    let seen = Rc::default();
    let first = engine(|sealed: &[u8]| answered(&seen, sealed));
    let none: [&str; 0] = [];
    let edited = first.edit_masks(&hide("Nightjar", None), &CLOUD_ONLY);
    assert_eq!(edited.refused, none);
    let text = "Nightjar, ada@example.com, bob@example.com";
    block_on(first.answer(ask(text), &CLOUD_ONLY, &mut |_| ())).unwrap();

    let second = engine(|sealed: &[u8]| answered(&seen, sealed));
    second.load_vault(&first.save_vault()).unwrap();
    let error = second.load_vault("{}").unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    let text = "eve@example.com, bob@example.com, Nightjar";
    block_on(second.answer(ask(text), &CLOUD_ONLY, &mut |_| ())).unwrap();
    second.edit_masks(&show("nightjar"), &CLOUD_ONLY);
    let preview = second.preview(&ask(text), &CLOUD_ONLY).unwrap();
    assert_eq!(preview.messages[0].text, "[EMAIL_3], [EMAIL_2], Nightjar");
    assert_eq!(
        asked(&seen.borrow()[1]),
        "[EMAIL_3], [EMAIL_2], [PRIVATE_1]"
    );
}

#[test]
fn each_conversation_has_a_secret_of_its_own() {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let engine = engine(nothing_is_sent).with_seeds(|| NEXT.fetch_add(1, Ordering::Relaxed));
    let first = engine.save_vault();
    assert_eq!(first, engine.save_vault());
    engine.forget();
    assert_ne!(first, engine.save_vault());
}
