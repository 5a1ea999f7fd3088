//! `tidegate eval answers`: questions with known answers, answered greedily and graded.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, ErrorKind, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::grade::{Match, wilson};
use crate::{
    load::{Device, load},
    reply::{Reply, reply},
};

/// Options of `tidegate eval answers`.
#[derive(Args)]
pub struct Arguments {
    /// GGUF file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// One JSON object a line: `prompt`, `answer`, and if wanted `id` and `match`.
    #[arg(long, value_name = "FILE")]
    questions: PathBuf,
    /// How to grade questions that do not say.
    #[arg(long = "match", value_enum, default_value_t = Match::Contains)]
    kind: Match,
    /// Tokens of an answer at most.
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_tokens: u32,
    /// The first N questions only.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    device: Device,
    /// Writes every reply there as it comes, one JSON line each; what is there already is not asked again.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// One line of JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Question {
    /// Without it, the number of the line.
    id: Option<String>,
    prompt: String,
    answer: String,
    #[serde(rename = "match")]
    kind: Option<Match>,
}

/// A line of `--out`.
#[derive(Serialize, Deserialize)]
struct Graded {
    id: String,
    /// The model file's name, so that answers of two models do not mix.
    model: String,
    max_tokens: u32,
    right: bool,
    reply: String,
}

/// Asks, grades and counts.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let questions = questions(&arguments.questions, arguments.limit)?;
    let name = arguments.model.file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let known = match &arguments.out {
        Some(out) => earlier(out, &name, arguments.max_tokens)?,
        None => HashMap::new(),
    };
    let mut out = match &arguments.out {
        Some(path) => Some(append(path)?),
        None => None,
    };
    let mut model = load(&arguments.model, &arguments.device).await?;
    let (started, total) = (Instant::now(), questions.len());
    let (mut right, mut asked) = (0, 0);
    for (done, question) in questions.iter().enumerate() {
        let id = question
            .id
            .clone()
            .unwrap_or_else(|| (done + 1).to_string());
        let kind = question.kind.unwrap_or(arguments.kind);
        if let Some(reply) = known.get(&id) {
            // Graded again: the grading may have changed, the reply has not.
            right += usize::from(kind.grades(reply, &question.answer));
            continue;
        }
        let Reply { text: reply, .. } = reply(&mut model, &question.prompt, arguments.max_tokens)
            .await
            .with_context(|| format!("question {id}"))?;
        let is_right = kind.grades(&reply, &question.answer);
        right += usize::from(is_right);
        asked += 1;
        if let Some(out) = &mut out {
            let graded = Graded {
                id,
                model: name.clone(),
                max_tokens: arguments.max_tokens,
                right: is_right,
                reply,
            };
            writeln!(out, "{}", serde_json::to_string(&graded)?)?;
        }
        let rest = started.elapsed().as_secs_f64() / f64::from(asked) * (total - done - 1) as f64;
        let share = 100.0 * right as f64 / (done + 1) as f64;
        eprintln!(
            "[{}/{total}] {share:.1}% right, {rest:.0} s to go",
            done + 1
        );
    }
    let (low, high) = wilson(right, total);
    if arguments.json {
        let report = json!({
            "model": name,
            "adapter": model.info().adapter,
            "questions": total,
            "right": right,
            "accuracy": right as f64 / total as f64,
            "interval_95": [low, high],
        });
        println!("{report}");
    } else {
        println!(
            "{right} of {total} right: {:.1}% (95% interval {:.1} to {:.1}%)",
            100.0 * right as f64 / total as f64,
            100.0 * low,
            100.0 * high
        );
    }
    Ok(())
}

fn questions(path: &Path, limit: Option<usize>) -> anyhow::Result<Vec<Question>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut questions = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}, line {}", path.display(), index + 1);
        questions.push(serde_json::from_str(line).with_context(place)?);
    }
    questions.truncate(limit.unwrap_or(usize::MAX));
    if questions.is_empty() {
        bail!("{} has no questions", path.display());
    }
    Ok(questions)
}

/// Replies of an earlier run, by the question's id. A last line that was cut off is dropped.
fn earlier(path: &Path, model: &str, max_tokens: u32) -> anyhow::Result<HashMap<String, String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let mut replies = HashMap::new();
    for line in BufReader::new(file).lines() {
        let Ok(graded) = serde_json::from_str::<Graded>(&line?) else {
            continue;
        };
        if graded.model != model || graded.max_tokens != max_tokens {
            bail!(
                "{} holds replies of {} with --max-tokens {}; choose another --out",
                path.display(),
                graded.model,
                graded.max_tokens
            );
        }
        replies.insert(graded.id, graded.reply);
    }
    Ok(replies)
}

/// Opens for appending, on a line of its own.
fn append(path: &Path) -> anyhow::Result<File> {
    let place = || path.display().to_string();
    let cut = fs::read(path).is_ok_and(|bytes| bytes.last().is_some_and(|&last| last != b'\n'));
    let mut options = OpenOptions::new();
    let mut file = options
        .create(true)
        .append(true)
        .open(path)
        .with_context(place)?;
    if cut {
        writeln!(file)?;
    }
    Ok(file)
}
