//! `tidegate eval perplexity`: how well a model file predicts a text.
//!
//! As llama.cpp's `llama-perplexity` does it, so that figures compare: the text is cut into windows of
//! equal length, each computed from nothing, and the second half of each is scored, whose tokens all have
//! at least half a window before them.

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use crate::load::{Device, load};

/// Options of `tidegate eval perplexity`.
#[derive(Args)]
pub struct Arguments {
    /// GGUF file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// A text in UTF-8.
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Tokens of a window. A shorter text is one window.
    #[arg(long, value_name = "N", default_value_t = 512)]
    window: usize,
    /// The first N windows only.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    device: Device,
    /// One line of JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Scores the text.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let text = fs::read_to_string(&arguments.text)
        .with_context(|| arguments.text.display().to_string())?;
    let mut model = load(&arguments.model, &arguments.device).await?;
    let tokens = model.encode(&text)?;
    let window = arguments
        .window
        .min(model.info().context_length)
        .min(tokens.len());
    if window < 4 {
        bail!("a window takes at least 4 tokens, and the text as many");
    }
    // Phi 3 encodes positions by how long the context may get.
    model.limit_context(window);
    let windows: Vec<&[u32]> = tokens
        .chunks_exact(window)
        .take(arguments.limit.unwrap_or(usize::MAX))
        .collect();
    let started = Instant::now();
    let mut scores = Vec::new();
    for (done, tokens) in windows.iter().enumerate() {
        let of_window = model.log_probabilities(tokens).await?;
        // Score i is that of token i + 1.
        scores.extend_from_slice(&of_window[window / 2 - 1..]);
        let (perplexity, _) = perplexity(&scores);
        let rest =
            started.elapsed().as_secs_f64() / (done + 1) as f64 * (windows.len() - done - 1) as f64;
        eprintln!(
            "[{}/{}] perplexity {perplexity:.4}, {rest:.0} s to go",
            done + 1,
            windows.len()
        );
    }
    let (perplexity, error) = perplexity(&scores);
    if arguments.json {
        let name = arguments.model.file_name().unwrap_or_default();
        let report = json!({
            "model": name.to_string_lossy(),
            "adapter": model.info().adapter,
            "window": window,
            "windows": windows.len(),
            "tokens_scored": scores.len(),
            "perplexity": perplexity,
            "standard_error": error,
        });
        println!("{report}");
    } else {
        let count = scores.len();
        println!("perplexity {perplexity:.4} ± {error:.4} over {count} tokens");
    }
    Ok(())
}

/// `e` to the power of minus the mean, and its standard error (to first order).
fn perplexity(scores: &[f32]) -> (f64, f64) {
    let n = scores.len() as f64;
    let mean = scores.iter().map(|&score| f64::from(score)).sum::<f64>() / n;
    let squares: f64 = scores
        .iter()
        .map(|&score| (f64::from(score) - mean).powi(2))
        .sum();
    let perplexity = (-mean).exp();
    (perplexity, perplexity * (squares / (n * (n - 1.0))).sqrt())
}

#[cfg(test)]
mod tests {
    use super::perplexity;

    /// A model that gives each of two tokens one half has perplexity 2, and is sure of it.
    #[test]
    fn perplexity_is_the_number_of_equal_choices() {
        let (value, error) = perplexity(&[0.5f32.ln(); 8]);
        assert!((value - 2.0).abs() < 1e-6);
        assert!(error.abs() < 1e-6);
        let (value, error) = perplexity(&[0.25f32.ln(), 1f32.ln()]);
        assert!((value - 2.0).abs() < 1e-6);
        // Deviations of ln 2 each: 2 * sqrt(2 ln²2 / 2).
        assert!((error - 2.0 * 2f64.ln()).abs() < 1e-6);
    }
}
