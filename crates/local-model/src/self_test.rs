//! Whether a device computes what it should, found out before anyone relies on it.
//!
//! Drivers and browsers have compiled kernels into wrong ones, and nothing says so: the answer is nonsense, or
//! slightly worse. So a GPU's first results are held against the CPU's, which is computed by other code
//! altogether: the first layer for a few tokens, their scores, and the choice among all scores. These are the
//! kernels and shapes of all other layers too.

use crate::{
    Error, Model, NoPause, Sampling, Source, Step,
    compute::{
        Candidates, Compute,
        cpu::{Cpu, Tensor},
    },
    gguf::Header,
    model::Device,
    transformer::Transformer,
};

/// Tokens after which any model has an idea of what comes next.
pub(crate) const TEXT: &str = "One, two, three, four,";

/// How far a row may be from the CPU's, in root mean square over that of the row. The CPU rounds activations to 8
/// bits, in the outlier-ridden rows of some models to 0.02 for each product; a kernel that is wrong is off by more
/// than all of them together.
const TOLERANCE: f32 = 0.15;

/// How far candidates, which are no sums of products, may be from those of the same scores.
const CANDIDATE_TOLERANCE: f32 = 1e-3;

/// Candidates that are compared.
const CANDIDATES: usize = 8;

/// The least that the most likely token must be above one drawn from all, in natural logarithms: a device that
/// computes zeros finds all equally likely.
const LEAST_PREFERENCE: f32 = 0.5;

impl Model {
    /// Computes a few tokens. On a GPU, once after loading, they are held against the CPU's.
    ///
    /// Takes the caches: the next answer begins without what the last turn left.
    ///
    /// # Errors
    /// [`Error::WrongResult`] for what the device computes wrongly, or what else it says.
    pub async fn self_test(&mut self) -> Result<(), Error> {
        let known = self.known.take();
        let prompt = self.encode(TEXT)?;
        let vocabulary = self.info().vocabulary as f32;
        let (_, device, cached) = self.parts();
        cached.clear();
        if let Some(known) = known {
            match device {
                Device::Cpu(transformer) => known.hold_against(transformer).await?,
                #[cfg(feature = "wgpu")]
                Device::WebGpu(transformer) => known.hold_against(transformer).await?,
            }
        }
        let sampling = Sampling {
            max_tokens: 1,
            ..Sampling::default()
        };
        let mut generation = self.start(prompt, sampling)?;
        loop {
            match generation.step().await? {
                Step::Token {
                    log_probability, ..
                } if log_probability > LEAST_PREFERENCE - vocabulary.ln() => return Ok(()),
                Step::Prefill { .. } => {}
                Step::Token { .. } | Step::Done { .. } => {
                    return Err(wrong("the next token: all are equally likely"));
                }
            }
        }
    }
}

/// A cut of the model, on the CPU: its first layer, and the rows of a few tokens.
pub(crate) struct KnownAnswer {
    cut: Transformer<Cpu>,
    /// The tokens, by their numbers in the whole model.
    ids: Vec<u32>,
}

impl KnownAnswer {
    /// Reads what is needed from the file. `whole`: the model on the device that is to be tested.
    ///
    /// # Errors
    /// What the source says.
    #[cfg_attr(
        not(any(test, feature = "wgpu")),
        expect(dead_code, reason = "the CPU is what others are held against")
    )]
    pub(crate) async fn read<C: Compute>(
        header: &Header,
        source: &impl Source,
        whole: &Transformer<C>,
        mut ids: Vec<u32>,
    ) -> Result<Self, Error> {
        if ids.is_empty() {
            ids.push(0); // a vocabulary without the text's bytes has at least one token
        }
        let cut = Transformer::load_cut(Cpu::new(), &whole.config, header, source, &ids).await?;
        Ok(Self { cut, ids })
    }

    /// Computes both, and compares.
    ///
    /// # Errors
    /// [`Error::WrongResult`], or what the device says.
    pub(crate) async fn hold_against<C: Compute>(
        mut self,
        whole: &mut Transformer<C>,
    ) -> Result<(), Error> {
        let width = whole.config.width;
        // How positions turn the heads may depend on the context, which may have become shorter.
        self.cut.config = whole.config.cut(self.ids.len());
        // Tokens of the cut are numbered from 0 on.
        let numbers: Vec<u32> = (0..).take(self.ids.len()).collect();
        let expected = self.cut.forward(&numbers, 0, &NoPause).await?;

        // Several tokens together and a single one are computed by different kernels.
        let (first, last) = self.ids.split_at(self.ids.len() - 1);
        let mut got = Vec::new();
        if !first.is_empty() {
            let x = whole.first_layer(first, 0)?;
            got = whole.compute.read(&x).await?;
        }
        let x = whole.first_layer(last, first.len())?;
        let last_row = whole.compute.read(&x).await?;
        got.extend_from_slice(&last_row);
        compare("the first layer", &got, &expected.values, width)?;

        // From here on by the device's own row: what is compared is the output alone.
        let logits = whole.logits(&x);
        let scores = whole.compute.read(&logits).await?;
        let some: Option<Vec<f32>> = self
            .ids
            .iter()
            .map(|&id| scores.get(id as usize).copied())
            .collect();
        let row = Tensor {
            width,
            values: last_row,
        };
        let expected = self.cut.logits(&row);
        compare(
            "scores",
            &some.unwrap_or_default(),
            &expected.values,
            expected.width,
        )?;

        let found = whole.compute.candidates(&logits, CANDIDATES).await?;
        let expected = Candidates::of(&scores, CANDIDATES);
        let ids = |candidates: &Candidates| -> Vec<u32> {
            candidates.top.iter().map(|&(id, _)| id).collect()
        };
        // What is no number is not near either.
        let is_near = (found.log_sum - expected.log_sum).abs() <= CANDIDATE_TOLERANCE;
        if ids(&found) != ids(&expected) || !is_near {
            return Err(wrong("the highest scores"));
        }
        Ok(())
    }
}

/// Every row of `width` must be near what is expected.
fn compare(what: &str, got: &[f32], expected: &[f32], width: usize) -> Result<(), Error> {
    if got.len() != expected.len() {
        return Err(wrong(what));
    }
    let square = |values: &mut dyn Iterator<Item = f32>| -> f32 { values.map(|x| x * x).sum() };
    for (got, expected) in got.chunks(width).zip(expected.chunks(width)) {
        let off = square(&mut got.iter().zip(expected).map(|(a, b)| a - b));
        let all = square(&mut expected.iter().copied());
        let relative = (off / all).sqrt();
        // What is no number is not near either.
        let is_near = relative <= TOLERANCE;
        if !is_near {
            return Err(wrong(&format!("{what}: off by {:.0}%", relative * 100.0)));
        }
    }
    Ok(())
}

fn wrong(what: &str) -> Error {
    Error::WrongResult {
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::KnownAnswer;
    use crate::{
        Backend, Model,
        compute::cpu::Cpu,
        gguf::{Header, write::File},
        model::Device,
        testing::file,
        transformer::Transformer,
    };

    /// Holds `device` against the model of `file`: the error, if they differ.
    fn held_against(file: &File, device: &File) -> Option<String> {
        let bytes = file.bytes().0;
        let header = pollster::block_on(Header::read(&bytes)).unwrap();
        let mut model =
            pollster::block_on(Model::load(device.bytes().0, Backend::Cpu, |_| {})).unwrap();
        let ids = model.encode("hello, all").unwrap();
        let (_, device, _) = model.parts();
        #[cfg_attr(not(feature = "wgpu"), expect(clippy::infallible_destructuring_match))]
        let whole: &mut Transformer<Cpu> = match device {
            Device::Cpu(transformer) => transformer,
            #[cfg(feature = "wgpu")]
            Device::WebGpu(_) => unreachable!(),
        };
        let known = KnownAnswer::read(&header, &bytes, whole, ids);
        let known = pollster::block_on(known).unwrap();
        let held = pollster::block_on(known.hold_against(whole));
        held.err().map(|error| error.to_string())
    }

    /// The file, with all of a tensor's bytes changed.
    fn with(name: &str, change: impl Fn(usize, u8) -> u8) -> File {
        let mut file = file();
        let tensors = &mut file.tensors;
        let (.., bytes) = tensors.iter_mut().find(|tensor| tensor.0 == name).unwrap();
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = change(at, *byte);
        }
        file
    }

    #[test]
    fn what_computes_the_same_passes() {
        assert_eq!(held_against(&file(), &file()), None);
    }

    #[test]
    fn what_computes_something_else_does_not() {
        let zeros = |name| with(name, |_, _| 0);
        for name in [
            "token_embd.weight",
            "blk.0.attn_norm.weight",
            "blk.0.attn_v.weight",
            "blk.0.attn_output.weight",
            "blk.0.ffn_gate.weight",
            "blk.0.ffn_down.weight",
        ] {
            let error = held_against(&file(), &zeros(name)).expect(name);
            assert!(error.contains("the first layer: off by"), "{name}: {error}");
        }
        let error = held_against(&file(), &zeros("output_norm.weight")).unwrap();
        assert!(error.contains("scores: off by 100%"), "{error}");
        // One bit of every key's and every query's weights.
        for name in ["blk.0.attn_q.weight", "blk.0.attn_k.weight"] {
            let flipped = with(
                name,
                |at, byte| if at % 34 < 2 { byte } else { byte ^ 0x88 },
            );
            assert!(held_against(&file(), &flipped).is_some(), "{name}");
        }
    }

    #[test]
    fn a_whole_model_tests_itself() {
        let load = |file: &File| {
            pollster::block_on(Model::load(file.bytes().0, Backend::Cpu, |_| {})).unwrap()
        };
        pollster::block_on(load(&file()).self_test()).unwrap();
        let mut zeros = load(&with("output_norm.weight", |_, _| 0));
        let error = pollster::block_on(zeros.self_test()).unwrap_err();
        assert!(
            error.to_string().contains("all are equally likely"),
            "{error}"
        );
    }
}
