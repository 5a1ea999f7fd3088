//! An answer of the page while it is given: what is held back of it, and how likely it stands.

use std::{ops::ControlFlow, rc::Rc};

use query::{ChatRequest, DoubtCause, Estimate, FinishReason, Piece, ResponseFormat};
use router::{
    calibration::{BEGINNING, Calibration},
    confidence::{Watch, form},
};

use crate::{LocalAnswer, Part};

/// How likely an answer has to stand.
pub(crate) struct Bar {
    pub(crate) calibration: Rc<Calibration>,
    /// What is expected of the question.
    pub(crate) estimate: Option<Estimate>,
    /// Below it an answer is doubtful. None if nothing keeps the risk that is asked for: then every answer is.
    pub(crate) at_least: Option<f32>,
    /// Below it an answer is given up that begins so. None as for `at_least`.
    pub(crate) beginning_at_least: Option<f32>,
}

impl Bar {
    fn doubts(&self, probability: f32) -> bool {
        self.at_least.is_none_or(|at_least| probability < at_least)
    }

    fn doubts_beginning(&self, probability: f32) -> bool {
        self.beginning_at_least
            .is_none_or(|at_least| probability < at_least)
    }
}

/// Hears an answer of the page.
pub(crate) struct Attempt<'b> {
    bar: Option<&'b Bar>,
    watch: Watch,
    text: String,
    /// It calls tools: then it needs no text.
    has_calls: bool,
    /// What may not be shown before the beginning was looked at; `None` once it may.
    held: Option<Vec<Piece>>,
    /// Something of it was shown.
    is_shown: bool,
    /// How likely an answer stands that begins so, if that was too little to go on.
    stopped: Option<f32>,
}

/// What is to be said of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Verdict {
    /// How likely it stands; `None` without a calibration.
    pub(crate) probability: Option<f32>,
    /// Why it is doubtful, if it is.
    pub(crate) cause: Option<DoubtCause>,
}

impl<'b> Attempt<'b> {
    /// `may_stop`: another place can answer instead, so the beginning is held back until it was looked at. Without a
    /// bar there is nothing to look at it with.
    pub(crate) fn new(bar: Option<&'b Bar>, may_stop: bool) -> Self {
        Self {
            bar,
            watch: Watch::default(),
            text: String::new(),
            has_calls: false,
            held: (may_stop && bar.is_some()).then(Vec::new),
            is_shown: false,
            stopped: None,
        }
    }

    /// Takes the next part. Breaks where going on is of no use.
    pub(crate) fn hear(&mut self, part: Part, show: &mut dyn FnMut(Piece)) -> ControlFlow<()> {
        match part {
            Part::Token(certainty) => {
                self.watch.push(certainty);
                if self.held.is_some() && self.watch.tokens() == BEGINNING {
                    self.stopped = self.doubtful_beginning();
                    if self.stopped.is_some() {
                        return ControlFlow::Break(());
                    }
                    self.release(show);
                }
            }
            Part::Piece(piece) => {
                self.text.push_str(&piece.text);
                self.has_calls |= piece.tool_calls.is_some();
                match &mut self.held {
                    Some(held) => held.push(piece),
                    None => self.show(piece, show),
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Shows what was held back, and from now on everything.
    pub(crate) fn release(&mut self, show: &mut dyn FnMut(Piece)) {
        for piece in self.held.take().unwrap_or_default() {
            self.show(piece, show);
        }
    }

    /// Something of it was shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// It was broken off because of its beginning.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// What is to be said of `answer`, as far as it came.
    pub(crate) fn verdict(&self, request: &ChatRequest, answer: &LocalAnswer) -> Verdict {
        if let Some(probability) = self.stopped {
            return Verdict {
                probability: Some(probability),
                cause: Some(DoubtCause::Unsure),
            };
        }
        // Of several answers, and of one whose first tokens another engine chose, the evidence is not whole.
        let is_one = request.n.unwrap_or(1) == 1;
        let is_whole = is_one && self.watch.tokens() == answer.usage.completion_tokens;
        let bar = self.bar.filter(|_| is_whole && self.watch.tokens() > 0);
        let probability = bar.map(|bar| {
            bar.calibration
                .probability(&self.watch.evidence(), bar.estimate)
        });
        let is_unsure = bar
            .zip(probability)
            .is_some_and(|(bar, probability)| bar.doubts(probability));
        let flaw = if is_one {
            self.flaw(request, answer)
        } else {
            None
        };
        Verdict {
            probability,
            cause: flaw.or(is_unsure.then_some(DoubtCause::Unsure)),
        }
    }

    /// The probability of an answer that begins so, if it is too low.
    fn doubtful_beginning(&self) -> Option<f32> {
        let bar = self.bar?;
        let evidence = self.watch.evidence();
        let probability = bar
            .calibration
            .probability_of_beginning(&evidence, bar.estimate);
        bar.doubts_beginning(probability).then_some(probability)
    }

    /// What one can see without knowing what is right. A text that is kept to a form, or calls tools, is what it is
    /// meant to be.
    fn flaw(&self, request: &ChatRequest, answer: &LocalAnswer) -> Option<DoubtCause> {
        let is_free = matches!(request.response_format, None | Some(ResponseFormat::Text));
        if self.has_calls || !is_free {
            return None;
        }
        let ended_itself =
            answer.finish_reasons == [FinishReason::Stop] && request.stop_texts().is_empty();
        form::flaw(router::question(request), &self.text, ended_itself)
    }

    fn show(&mut self, piece: Piece, show: &mut dyn FnMut(Piece)) {
        self.is_shown |= !piece.is_empty();
        show(piece);
    }
}
