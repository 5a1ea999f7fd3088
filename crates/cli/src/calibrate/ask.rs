//! Asks the local model, and keeps each answer.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::Path,
    time::Instant,
};

use anyhow::{Context, bail};
use local_model::{FileSource, Footprint, Model};
use router::calibration::ModelFile;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    Answered, Arguments,
    results::{append, read, write},
};
use crate::{
    eval::grade::Match,
    load::{Device, load},
    reply::{Reply, reply},
};

/// A line of `--data`. Other fields are passed over.
#[derive(Deserialize)]
struct Question {
    id: String,
    domain: String,
    prompt: String,
    answer: Option<String>,
    #[serde(rename = "match")]
    kind: Option<Match>,
    max_tokens: Option<u32>,
    #[serde(default = "always_right")]
    strong: f32,
}

fn always_right() -> f32 {
    1.0
}

/// Asks what has no answer yet. Gives the answers to all questions, in their order.
pub(super) async fn ask(arguments: &Arguments) -> anyhow::Result<Vec<Answered>> {
    let mut questions = Vec::new();
    for path in &arguments.data {
        read_questions(path, &mut questions)?;
    }
    questions.truncate(arguments.limit.unwrap_or(usize::MAX));
    let hash = sha256(&arguments.model)?;
    let mut known = HashMap::new();
    for answer in read(&arguments.results)? {
        if answer.model != hash {
            bail!(
                "{} holds answers of another model file ({}); choose another --results",
                arguments.results.display(),
                answer.model
            );
        }
        known.insert(answer.id.clone(), answer);
    }

    let left = questions
        .iter()
        .filter(|question| !known.contains_key(&question.id));
    let left = left.count();
    let mut answered = Vec::new();
    let mut session = None;
    let (started, mut asked) = (Instant::now(), 0);
    for question in &questions {
        let kind = question.kind.unwrap_or(arguments.kind);
        let right = |reply: &str| {
            let answer = question.answer.as_ref();
            answer.map(|answer| kind.grades(reply, answer))
        };
        if let Some(answer) = known.remove(&question.id) {
            // Graded again: the grading may have changed, the reply has not.
            answered.push(Answered {
                right: right(&answer.reply),
                strong: question.strong,
                ..answer
            });
            continue;
        }
        let (model, file): &mut (Model, File) = match &mut session {
            Some(session) => session,
            None => session.insert((
                load(&arguments.model, &arguments.device).await?,
                append(&arguments.results)?,
            )),
        };
        let max_tokens = question.max_tokens.unwrap_or(arguments.max_tokens);
        let Reply { text, certainty } = reply(model, &question.prompt, max_tokens)
            .await
            .with_context(|| format!("question {}", question.id))?;
        let answer = Answered {
            id: question.id.clone(),
            domain: question.domain.clone(),
            prompt: question.prompt.clone(),
            model: hash.clone(),
            max_tokens,
            right: right(&text),
            reply: text,
            strong: question.strong,
            certainty,
        };
        write(file, &answer)?;
        answered.push(answer);
        asked += 1;
        let rest =
            started.elapsed().as_secs_f64() / f64::from(asked) * (left - asked as usize) as f64;
        eprintln!("[{}/{}] {rest:.0} s to go", answered.len(), questions.len());
    }
    Ok(answered)
}

fn read_questions(path: &Path, questions: &mut Vec<Question>) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}, line {number}", path.display());
        let question: Question = serde_json::from_str(line).with_context(place)?;
        if !(0.0..=1.0).contains(&question.strong) {
            bail!("{}: `strong` must lie between 0 and 1", place());
        }
        if question.answer.is_none() && question.strong > 0.0 {
            bail!(
                "{}: without `answer` nobody knows whether the local answer is worse than the cloud's; only where `strong` is 0 it may be missing",
                place()
            );
        }
        questions.push(question);
    }
    Ok(())
}

/// What the calibration says of the file.
pub(super) async fn model_file(path: &Path) -> anyhow::Result<ModelFile> {
    let place = || path.display().to_string();
    let source = FileSource::open(path).with_context(place)?;
    let footprint = Footprint::read(&source).await.with_context(place)?;
    let most = footprint.tensors.iter().max_by_key(|(_, sum)| sum.values);
    let model = load(path, &Device::CPU).await?;
    Ok(ModelFile {
        sha256: sha256(path)?,
        name: model.info().name.clone(),
        quantization: most.map(|(kind, _)| kind.to_string()).unwrap_or_default(),
    })
}

/// In lower-case hexadecimal digits.
fn sha256(path: &Path) -> anyhow::Result<String> {
    let place = || path.display().to_string();
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path).with_context(place)?, &mut hash).with_context(place)?;
    Ok(hex::encode(hash.finalize()))
}
