//! What the scripted upstream does with a question, and whether that arrived.

use std::time::Duration;

use serde::Deserialize;

/// What the upstream does with one question. It travels as the name of the model, which privacy layer and gateway
/// hand on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Pieces of the answer.
    pub pieces: u32,
    /// Between two pieces; the first comes at once.
    pub every: Duration,
    /// Letters of a piece, beside its number.
    pub letters: usize,
    /// What follows.
    pub end: End,
}

/// How the upstream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With `[DONE]`.
    Whole,
    /// The connection breaks.
    Cut,
    /// The answer ends without `[DONE]`.
    Unfinished,
    /// An error in the event stream, which repeats the question.
    Failed,
    /// Nothing more comes, and the connection stays.
    Silent,
    /// It answers 200 with JSON that repeats the question, and streams nothing.
    NoStream,
    /// It answers this status, in a body that repeats the question.
    Status(u16),
}

const ENDS: [(&str, End); 6] = [
    ("whole", End::Whole),
    ("cut", End::Cut),
    ("unfinished", End::Unfinished),
    ("failed", End::Failed),
    ("silent", End::Silent),
    ("nostream", End::NoStream),
];

impl Plan {
    /// A whole answer.
    pub fn whole(pieces: u32, every: Duration, letters: usize) -> Self {
        Self {
            pieces,
            every,
            letters,
            end: End::Whole,
        }
    }

    /// A few pieces, and then this.
    pub fn short(end: End) -> Self {
        Self {
            end,
            ..Self::whole(3, Duration::from_millis(5), 12)
        }
    }

    /// As the name of a model.
    pub fn model(&self) -> String {
        let end = match self.end {
            End::Status(status) => status.to_string(),
            end => {
                let named = ENDS.iter().find(|(_, other)| *other == end);
                named.map_or_else(String::new, |(name, _)| (*name).to_owned())
            }
        };
        let ms = self.every.as_millis();
        format!("plan-{}-{ms}-{}-{end}", self.pieces, self.letters)
    }

    /// Of a model's name; what follows a space says nothing.
    pub fn of(model: &str) -> Option<Self> {
        let mut words = model.split(' ').next()?.strip_prefix("plan-")?.split('-');
        let (pieces, every, letters, end) =
            (words.next()?, words.next()?, words.next()?, words.next()?);
        Some(Self {
            pieces: pieces.parse().ok()?,
            every: Duration::from_millis(every.parse().ok()?),
            letters: letters.parse().ok()?,
            end: match ENDS.iter().find(|(name, _)| *name == end) {
                Some((_, end)) => *end,
                None => End::Status(end.parse().ok()?),
            },
        })
    }
}

/// The text of a piece: its number, and letters that follow from the number.
pub fn piece(number: u32, letters: usize) -> String {
    format!("{number}:{};", filler(number).repeat(letters))
}

fn filler(number: u32) -> &'static str {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    let at = number as usize % LETTERS.len();
    &LETTERS[at..=at]
}

/// Reads an answer as it comes, however it is cut, and counts what is missing.
#[derive(Debug, Default)]
pub struct Pieces {
    stream: Vec<u8>,
    text: String,
    /// The number that has to come next.
    next: u32,
    /// How many have come.
    pub count: u32,
    /// Numbers that were passed over.
    pub lost: u32,
    /// Numbers that came again or late.
    pub out_of_order: u32,
    /// What is no piece at all, or was changed on its way.
    pub damaged: u32,
    /// Whether `[DONE]` has come.
    pub done: bool,
}

/// The part of an event that is looked at.
#[derive(Deserialize)]
struct Event {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

impl Pieces {
    /// Takes bytes of an event stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.extend(bytes);
        let whole = self.stream.iter().rposition(|&byte| byte == b'\n');
        let lines: Vec<u8> = self.stream.drain(..whole.map_or(0, |at| at + 1)).collect();
        for line in lines.split(|&byte| byte == b'\n') {
            match line.strip_prefix(b"data: ") {
                None => {}
                Some(b"[DONE]") => self.done = true,
                Some(data) => match serde_json::from_slice::<Event>(data) {
                    Ok(event) => self.read(event),
                    Err(_) => self.damaged += 1,
                },
            }
        }
    }

    /// Whether exactly this came.
    pub fn are_all_of(&self, plan: &Plan) -> bool {
        self.done
            && (self.count, self.lost, self.out_of_order, self.damaged) == (plan.pieces, 0, 0, 0)
            && self.text.is_empty()
    }

    fn read(&mut self, event: Event) {
        let contents = event.choices.into_iter().map(|choice| choice.delta.content);
        self.text.extend(contents.flatten());
        while let Some(end) = self.text.find(';') {
            let piece: String = self.text.drain(..=end).collect();
            self.check(&piece);
        }
    }

    fn check(&mut self, text: &str) {
        let number = text.split(':').next().unwrap_or_default().parse::<u32>();
        let Some(number) = number.ok().filter(|&number| {
            let letters = text.len().checked_sub(number.to_string().len() + 2);
            letters.is_some_and(|letters| text == piece(number, letters))
        }) else {
            self.damaged += 1;
            return;
        };
        self.count += 1;
        if number < self.next {
            self.out_of_order += 1;
        } else {
            self.lost += number - self.next;
            self.next = number + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_as_they_were_written() {
        let ends = ENDS.map(|(_, end)| end);
        for end in ends.into_iter().chain([End::Status(429)]) {
            let plan = Plan {
                end,
                ..Plan::whole(7, Duration::from_millis(20), 300)
            };
            assert_eq!(Plan::of(&plan.model()), Some(plan));
            assert_eq!(Plan::of(&format!("{} and more", plan.model())), Some(plan));
        }
        assert_eq!(Plan::of("cloud-model"), None);
    }

    /// What is counted of these pieces: those that came, lost, out of order, damaged.
    fn counted(pieces: &[String]) -> (u32, u32, u32, u32) {
        let mut read = Pieces::default();
        for piece in pieces {
            let event =
                format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n");
            // Cut where it hurts.
            let (head, tail) = event.as_bytes().split_at(11);
            read.push(head);
            read.push(tail);
        }
        (read.count, read.lost, read.out_of_order, read.damaged)
    }

    #[test]
    fn what_is_missing_repeated_or_changed_is_counted() {
        let of = |numbers: &[u32]| -> Vec<String> {
            numbers.iter().map(|&number| piece(number, 9)).collect()
        };
        assert_eq!(counted(&of(&[0, 1, 2])), (3, 0, 0, 0));
        assert_eq!(counted(&of(&[0, 3, 4])), (3, 2, 0, 0));
        assert_eq!(counted(&of(&[0, 2, 1])), (3, 1, 1, 0));
        assert_eq!(counted(&of(&[0, 0])), (2, 0, 1, 0));
        assert_eq!(counted(&["0:aab;".to_owned()]), (0, 0, 0, 1));
        // Joined to one event, as cells are.
        assert_eq!(counted(&[of(&[0, 1]).concat()]), (2, 0, 0, 0));
    }
}
