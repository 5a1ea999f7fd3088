//! What must hold for any text.

use oorandom::Rand64;
use privacy::{Detector, Restored, Restorer, Vault, find_with, preview, pseudonymize};
use query::{ChatRequest, EntityKind, Message, PrivacyLevel, PrivacyRules, ReplaceWith, Role};

use super::text::{below, boundary};

/// An error says what does not hold.
pub(super) fn check(text: &str, detector: &Detector, random: &mut Rand64) -> Result<(), String> {
    let level = [PrivacyLevel::Balanced, PrivacyLevel::Careful][below(random, 2)];
    spans_are_apart_and_in_order(text, detector, level)?;

    let cut = boundary(text, random);
    let request = ChatRequest {
        messages: [&text[..cut], &text[cut..]]
            .map(|text| Message::new(Role::User, text))
            .to_vec(),
        ..ChatRequest::default()
    };
    let mut vault = Vault::with_seed(random.rand_u64());
    let rules = rules(level, random);
    let findings = find_with(detector, &request, &rules, &vault);
    let shown = preview(&findings, &vault);
    let releasable = match pseudonymize(&findings, &mut vault) {
        Ok(releasable) => releasable,
        Err(blocked) => {
            let agreed = findings.blocked() && shown.blocked && vault.is_empty();
            return holds(
                agreed && !(blocked.by.kinds.is_empty() && blocked.by.topics.is_empty()),
                "what is blocked says so and leaves no trace",
            );
        }
    };
    holds(
        !findings.blocked() && !shown.blocked,
        "what leaves is not blocked",
    )?;
    let left: Vec<&str> = releasable
        .request()
        .messages
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    let previewed = shown.messages.iter().map(|message| message.text.as_str());
    holds(
        previewed.eq(left.iter().copied()) && shown.replaced == releasable.replaced(),
        "a preview is what leaves",
    )?;

    // The upstream says all of it, and something of its own, in any pieces.
    let mut reply = left.concat();
    reply.insert_str(
        boundary(&reply, random),
        ["", "[EMAIL_1]", "[PERSON_2", "]"][below(random, 4)],
    );
    let whole = restored(vault.restorer(&releasable), &[&reply]);
    let cuts = [boundary(&reply, random), boundary(&reply, random)];
    let (a, b) = (cuts[0].min(cuts[1]), cuts[0].max(cuts[1]));
    let pieces = [&reply[..a], &reply[a..b], &reply[b..]];
    holds(
        restored(vault.restorer(&releasable), &pieces) == whole,
        "a reply in pieces is restored as in one",
    )?;
    let mut buffer = [0; 4];
    let mut by_character = vault.restorer(&releasable);
    let mut slowly: String = reply
        .chars()
        .map(|c| by_character.push(c.encode_utf8(&mut buffer)))
        .collect();
    let (rest, counts) = by_character.finish();
    slowly.push_str(&rest);
    holds(
        (slowly, counts) == whole,
        "a reply by characters is restored as in one",
    )
}

/// Nothing but placeholders, or each kind in a way of its own.
fn rules(level: PrivacyLevel, random: &mut Rand64) -> PrivacyRules {
    const WAYS: [ReplaceWith; 4] = [
        ReplaceWith::Placeholder,
        ReplaceWith::Surrogate,
        ReplaceWith::Shift,
        ReplaceWith::Generalise,
    ];
    let mut rules = PrivacyRules::from(level);
    if below(random, 2) == 0 {
        let kinds = EntityKind::NAMES.iter();
        rules.replace = kinds
            .map(|(kind, _)| (*kind, WAYS[below(random, 4)]))
            .collect();
    }
    rules
}

fn spans_are_apart_and_in_order(
    text: &str,
    detector: &Detector,
    level: PrivacyLevel,
) -> Result<(), String> {
    let mut end = 0;
    for span in detector.detect(text, level) {
        let range = span.range;
        let inside = range.start < range.end && text.get(range.clone()).is_some();
        holds(
            inside && end <= range.start && (0.0..=1.0).contains(&span.score),
            "spans are in the text, apart and in order",
        )?;
        end = range.end;
    }
    Ok(())
}

fn restored(mut restorer: Restorer, pieces: &[&str]) -> (String, Restored) {
    let mut text: String = pieces.iter().map(|piece| restorer.push(piece)).collect();
    let (rest, counts) = restorer.finish();
    text.push_str(&rest);
    (text, counts)
}

fn holds(condition: bool, promise: &str) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("does not hold: {promise}"))
    }
}
