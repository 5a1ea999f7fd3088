//! The npm package's `types.gen.ts` is what these Rust types say.
//!
//! `cargo test -p query --features typescript` compares; with `TIDEGATE_UPDATE=1` it writes.
#![cfg(feature = "typescript")]

use std::{env, fs, path::Path};

use query::*;
use ts_rs::{Config, TS};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../browser/npm/src/types.gen.ts"
);

const HEAD: &str = "// Generated from crate `query`. Do not edit: TIDEGATE_UPDATE=1 cargo test -p query --features typescript\n";

#[test]
fn types_of_the_npm_package_are_those_of_this_crate() {
    let fresh = render();
    if env::var_os("TIDEGATE_UPDATE").is_some() {
        fs::write(FILE, &fresh).unwrap();
    }
    let stored = fs::read_to_string(Path::new(FILE)).unwrap_or_default();
    assert!(
        stored == fresh,
        "{FILE} is out of date: TIDEGATE_UPDATE=1 cargo test -p query --features typescript"
    );
}

fn render() -> String {
    let config = Config::new().with_large_int("number");
    let mut text = HEAD.to_owned();
    macro_rules! declare {
        ($($name:ty),* $(,)?) => {$(
            text.push('\n');
            text.push_str(&<$name>::docs().unwrap_or_default());
            text.push_str("export ");
            text.push_str(&<$name>::decl(&config));
            text.push('\n');
        )*};
    }
    declare!(
        Role,
        Message,
        ChatRequest,
        ToolType,
        Tool,
        FunctionDefinition,
        ToolChoice,
        ToolChoiceMode,
        NamedToolChoice,
        FunctionName,
        ToolCall,
        FunctionCall,
        ResponseFormat,
        JsonSchemaFormat,
        Stop,
        StreamOptions,
        FinishReason,
        Usage,
        PromptTokensDetails,
        TokenLogprob,
        TopLogprob,
        EntityKind,
        PrivacyClass,
        TopicFinding,
        Mode,
        PrivacyLevel,
        Topic,
        ReplaceWith,
        Term,
        PrivacyRules,
        Overflow,
        Patience,
        Preferences,
        OnDoubt,
        Risk,
        Reaction,
        Drift,
        Policy,
        LocalState,
        Pressure,
        DeviceSignals,
        Strain,
        LocalSpeed,
        DeviceState,
        CloudSpeed,
        Price,
        CloudState,
        Target,
        ReasonCode,
        Reason,
        Intent,
        Guess,
        Estimate,
        Utility,
        Scores,
        ChangeCode,
        Change,
        Route,
        Source,
        Sent,
        Replaced,
        UsageByTier,
        Timing,
        DoubtCause,
        Doubt,
        Receipt,
        Preview,
        PreviewMessage,
        PreviewFinding,
        MaskEdits,
        HiddenText,
        MasksEdited,
        Piece,
        AnswerEvent,
        Traffic,
        ErrorCode,
        Error,
    );
    text
}
