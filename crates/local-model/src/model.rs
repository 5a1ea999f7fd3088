//! A loaded model: weights on a device, a tokenizer, a chat template.

use std::{ops::RangeInclusive, sync::Arc};

use crate::{
    Error, Message, Pace, Source,
    architecture::Config,
    chat::ChatTemplate,
    compute::{
        Compute,
        cpu::{Cpu, Pool},
    },
    conversations::common,
    gguf::Header,
    prompt::Prompt,
    self_test::KnownAnswer,
    tokenizer::Tokenizer,
    transformer::Transformer,
};

/// Where the weights go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// SIMD, on one thread unless [`Model::set_pool`] brings more; always there.
    Cpu,
    /// WebGPU in a page, Vulkan, Metal or Direct3D natively.
    #[cfg(feature = "wgpu")]
    WebGpu,
}

/// How far loading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadProgress {
    /// Bytes of weights on the device.
    pub loaded: u64,
    /// Bytes of weights in the file.
    pub total: u64,
}

/// What a model is.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// `general.name` of the file, or its architecture.
    pub name: String,
    /// `general.architecture`.
    pub architecture: String,
    /// Tokens of prompt and answer together at most.
    pub context_length: usize,
    /// Layers.
    pub layers: usize,
    /// Tokens that there are.
    pub vocabulary: usize,
    /// Bytes of packed weights.
    pub bytes: u64,
    /// `cpu` or `webgpu`.
    pub backend: &'static str,
    /// The device, as it calls itself; on the CPU the instruction set.
    pub adapter: String,
}

/// A model that is ready to answer.
pub struct Model {
    info: ModelInfo,
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
    device: Device,
    /// Tokens whose keys and values the caches hold, from position 0 on.
    cached: Vec<u32>,
    /// What a GPU should compute, until it was tested.
    pub(crate) known: Option<KnownAnswer>,
}

/// The same model code on either device.
pub(crate) enum Device {
    Cpu(Box<Transformer<Cpu>>),
    #[cfg(feature = "wgpu")]
    WebGpu(Box<Transformer<crate::compute::gpu::Gpu>>),
}

impl Model {
    /// Loads a GGUF file. One tensor is in flight at a time; weights stay packed.
    ///
    /// Dropping the future abandons the load and frees what was there.
    ///
    /// # Errors
    /// Any [`Error`] about the file, its source or the device.
    pub async fn load(
        source: impl Source,
        backend: Backend,
        mut progress: impl FnMut(LoadProgress),
    ) -> Result<Self, Error> {
        let mut header = Header::read(&source).await?;
        let template = ChatTemplate::of(&header);
        // The architecture first: its refusal says more than that of its tokenizer.
        Config::of(&header, 0)?;
        let tokenizer = Tokenizer::take(&mut header)?;
        let config = Config::of(&header, tokenizer.vocabulary())?;
        let total = header.tensor_bytes();
        let mut info = ModelInfo {
            name: header
                .string("general.name")
                .unwrap_or(config.name)
                .to_owned(),
            architecture: config.name.to_owned(),
            context_length: config.context,
            layers: config.layers,
            vocabulary: config.vocabulary,
            bytes: total,
            backend: "cpu",
            adapter: String::new(),
        };
        let mut progress = |loaded| progress(LoadProgress { loaded, total });
        #[cfg_attr(
            not(feature = "wgpu"),
            expect(unused_mut, reason = "only a GPU is held against another device")
        )]
        let mut known = None;
        let device = match backend {
            Backend::Cpu => {
                let cpu = Cpu::new();
                info.adapter = cpu.instructions().to_owned();
                Device::Cpu(Box::new(
                    Transformer::load(cpu, config, &header, &source, &mut progress).await?,
                ))
            }
            #[cfg(feature = "wgpu")]
            Backend::WebGpu => {
                let gpu = crate::compute::gpu::Gpu::open().await?;
                info.backend = "webgpu";
                info.adapter = gpu.adapter().to_owned();
                let whole = Transformer::load(gpu, config, &header, &source, &mut progress).await?;
                let ids = tokenizer.encode(crate::self_test::TEXT, &[]);
                known = Some(KnownAnswer::read(&header, &source, &whole, ids).await?);
                Device::WebGpu(Box::new(whole))
            }
        };
        Ok(Self {
            info,
            tokenizer,
            template,
            device,
            cached: Vec::new(),
            known,
        })
    }

    /// Lets a conversation have at most so many tokens, because memory for more is not there; see [`crate::fit`].
    /// Phi 3 encodes positions in another way where the context is not longer than the one that it was
    /// first trained with: what its caches held is computed again then.
    pub fn limit_context(&mut self, tokens: usize) {
        self.info.context_length = self.info.context_length.min(tokens);
        let turned = match &mut self.device {
            Device::Cpu(transformer) => transformer.limit_context(tokens),
            #[cfg(feature = "wgpu")]
            Device::WebGpu(transformer) => transformer.limit_context(tokens),
        };
        if turned {
            self.cached.clear();
        }
    }

    /// Lets the threads of a pool compute too, from now on; answers stay the same to the bit. A GPU takes none.
    pub fn set_pool(&mut self, pool: Arc<Pool>) {
        match &mut self.device {
            Device::Cpu(transformer) => transformer.compute.pool = pool,
            #[cfg(feature = "wgpu")]
            Device::WebGpu(_) => {}
        }
    }

    /// Threads that compute; 1 with a GPU.
    pub fn threads(&self) -> usize {
        match &self.device {
            Device::Cpu(transformer) => transformer.compute.pool.threads(),
            #[cfg(feature = "wgpu")]
            Device::WebGpu(_) => 1,
        }
    }

    /// Lets a chat template that tells the date know it; without a clock such templates take a day of their own,
    /// or refuse. `clock` gives seconds since 1970-01-01 00:00 in local time.
    pub fn set_clock(&mut self, clock: fn() -> u64) {
        if let Some(template) = &mut self.template {
            template.set_clock(clock);
        }
    }

    /// What the model is.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The prompt for a conversation: the model's own chat template, up to where the assistant speaks.
    /// Only the template's text gives control tokens; in messages they are ordinary characters.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] when the file has none, or it refuses the messages.
    pub fn encode_chat(&self, messages: &[Message<'_>]) -> Result<Vec<u32>, Error> {
        let Prompt { text, breaks } = self.template()?.render(messages, &self.tokenizer)?;
        Ok(self.tokenizer.encode(&text, &breaks))
    }

    /// The prompt of [`Self::encode_chat`] as text.
    ///
    /// # Errors
    /// As [`Self::encode_chat`].
    pub fn render_chat(&self, messages: &[Message<'_>]) -> Result<String, Error> {
        self.template()?
            .render(messages, &self.tokenizer)
            .map(|prompt| prompt.text)
    }

    fn template(&self) -> Result<&ChatTemplate, Error> {
        let none = || Error::ChatTemplate {
            reason: "the file has none; give a prompt of your own".to_owned(),
        };
        self.template.as_ref().ok_or_else(none)
    }

    /// The prompt for a conversation with tools. `messages` and `tools` are JSON arrays in the shape of
    /// OpenAI's chat completions, but with the arguments of earlier calls as objects, not as texts:
    /// that is what templates expect.
    ///
    /// # Errors
    /// [`Error::NoTools`], and as [`Self::encode_chat`].
    pub fn encode_chat_json(
        &self,
        messages: &serde_json::Value,
        tools: Option<&serde_json::Value>,
    ) -> Result<Vec<u32>, Error> {
        let Prompt { text, breaks } =
            self.template()?
                .render_json(messages, tools, &self.tokenizer)?;
        Ok(self.tokenizer.encode(&text, &breaks))
    }

    /// Token ids of a text as it is. Control tokens that are written out in it are taken as such:
    /// what a person wrote goes through [`Self::encode_chat`].
    ///
    /// # Errors
    /// None today; a tokenizer to come may refuse a text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(self.tokenizer.encode(text, &[]))
    }

    /// How many bytes the caches of other conversations may take (64 MiB at first); what is beyond it
    /// is dropped, the least recently used first. 0 keeps none.
    pub fn keep_conversations(&mut self, bytes: usize) {
        match &mut self.device {
            Device::Cpu(transformer) => transformer.conversations.set_budget(bytes),
            #[cfg(feature = "wgpu")]
            Device::WebGpu(transformer) => transformer.conversations.set_budget(bytes),
        }
    }

    /// How many of a prompt's tokens are in a cache already: those cost no prefill.
    pub fn cached_tokens(&self, prompt: &[u32]) -> usize {
        let kept = match &self.device {
            Device::Cpu(transformer) => transformer.conversations.most_in_common(prompt),
            #[cfg(feature = "wgpu")]
            Device::WebGpu(transformer) => transformer.conversations.most_in_common(prompt),
        };
        kept.max(common(prompt, &self.cached))
    }

    /// A pace for prompts on this device, for [`crate::Generation::limit_slice`].
    pub fn pace(&self) -> Pace {
        fn slices<C: Compute>(_: &Transformer<C>) -> RangeInclusive<usize> {
            C::SLICES
        }
        Pace::new(match &self.device {
            Device::Cpu(transformer) => slices(transformer),
            #[cfg(feature = "wgpu")]
            Device::WebGpu(transformer) => slices(transformer),
        })
    }

    /// Kernels launched on the GPU so far; 0 on the CPU.
    pub fn dispatches(&self) -> u64 {
        match &self.device {
            Device::Cpu(transformer) => transformer.compute.dispatches(),
            #[cfg(feature = "wgpu")]
            Device::WebGpu(transformer) => transformer.compute.dispatches(),
        }
    }

    pub(crate) fn parts(&mut self) -> (&Tokenizer, &mut Device, &mut Vec<u32>) {
        (&self.tokenizer, &mut self.device, &mut self.cached)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The caches hold what people wrote.
        f.debug_struct("Model")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
