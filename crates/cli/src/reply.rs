//! The local model's whole answer to one question, the likeliest token each time.

use local_model::{Message, Model, Sampling, Step};

/// An answer, and how sure the model was of it.
pub struct Reply {
    /// The text.
    pub text: String,
    /// Of each token: log-probability, margin, entropy.
    pub certainty: Vec<[f32; 3]>,
}

/// Answers, in at most `max_tokens`.
pub async fn reply(model: &mut Model, prompt: &str, max_tokens: u32) -> anyhow::Result<Reply> {
    let messages = [Message {
        role: "user",
        content: prompt,
    }];
    let prompt = model.encode_chat(&messages)?;
    let sampling = Sampling {
        max_tokens,
        ..Sampling::default()
    };
    let mut generation = model.start(prompt, sampling)?;
    let mut reply = Reply {
        text: String::new(),
        certainty: Vec::new(),
    };
    loop {
        match generation.step().await? {
            Step::Token {
                text,
                log_probability,
                margin,
                entropy,
                ..
            } => {
                reply.text.push_str(&text);
                reply.certainty.push([log_probability, margin, entropy]);
            }
            Step::Done { .. } => return Ok(reply),
            Step::Prefill { .. } => {}
        }
    }
}
