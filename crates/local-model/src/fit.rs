//! Whether a model will fit a device, before its weights are fetched.
//!
//! No I/O but the header's: what the device has comes in as figures, a plan or its refusals go out.

use crate::{Error, Source, architecture::Config, gguf::Header, tokenizer::Tokenizer};

/// Memory beside weights and cache: code, tokenizer, activations, and what is on its way from storage. Bytes.
pub const WORKING_MEMORY: u64 = 64 << 20;

/// A conversation needs so many tokens to be one, unless the model itself has fewer.
pub const LEAST_CONTEXT: usize = 512;

/// Positions by which a context is made shorter.
const CONTEXT_STEP: usize = 256;

/// Keys and values are kept as f32.
const CACHE_VALUE_BYTES: u64 = 4;

/// Packed weights take up to 4% more than in the file.
const PACKING: (u64, u64) = (104, 100);

/// What wasm32 can address.
const ADDRESS_SPACE: u64 = 4 << 30;

/// What a device has. All figures in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Memory that the model may take.
    pub memory: u64,
    /// Room in the storage where the file goes; `None` when nobody knows.
    pub storage: Option<u64>,
    /// The file stays in memory too, because there is no storage.
    pub file_in_memory: bool,
    /// The GPU, if it may be used.
    pub gpu: Option<GpuLimits>,
    /// The CPU's dot products of bytes: relaxed SIMD has them.
    pub relaxed_simd: bool,
    /// Threads that may compute; 1 without cross-origin isolation.
    pub threads: usize,
}

/// What a kernel can reach on a GPU. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuLimits {
    /// `maxStorageBufferBindingSize`
    pub binding: u64,
    /// `maxBufferSize`
    pub buffer: u64,
}

/// A file that might be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Its length, bytes.
    pub bytes: u64,
    /// Bytes that are stored already.
    pub stored: u64,
    /// Context that its publisher promises, tokens, if one does.
    pub context: Option<usize>,
}

/// What a model takes, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// All tensors as they are in the file, bytes.
    pub weights: u64,
    /// The largest matrix that is bound at once, bytes: queries, keys and values are one, so are gate and up.
    pub largest_matrix: u64,
    /// Layers.
    pub layers: usize,
    /// Values of a key, and of a value, of all heads of a layer: `kv_heads * head_dim`.
    pub kv_width: usize,
    /// Tokens of prompt and answer together that the model knows.
    pub context: usize,
}

/// Where a model will compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// On the GPU.
    WebGpu,
    /// On the CPU.
    Cpu {
        /// With relaxed SIMD rather than SIMD128 alone.
        relaxed_simd: bool,
        /// Threads.
        threads: usize,
    },
}

/// How a model will fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where it computes.
    pub path: Path,
    /// Tokens of prompt and answer together; at most what model and publisher allow.
    pub context: usize,
    /// What it will take at most.
    pub memory: Memory,
    /// Why not on the GPU, where there is one that may be used.
    pub not_on_gpu: Option<Refusal>,
}

/// Memory by what it is for, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The packed weights.
    pub weights: u64,
    /// Keys and values of a whole context.
    pub cache: u64,
    /// The rest, with the file if it stays in memory.
    pub working: u64,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights
            .saturating_add(self.cache)
            .saturating_add(self.working)
    }
}

/// Why a model does not fit: what it needs, and what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The file does not fit into the storage.
    #[error(
        "it needs {} more of storage and there is room for {}; free some space",
        megabytes(*needed), megabytes(*available)
    )]
    Storage {
        /// Bytes still to be stored.
        needed: u64,
        /// Bytes.
        available: u64,
    },
    /// Even with the shortest context there is not enough memory.
    #[error(
        "it needs {} of memory (weights {}, cache of {context} tokens {}, the rest {}) and may take {}",
        megabytes(needed.total()), megabytes(needed.weights), megabytes(needed.cache),
        megabytes(needed.working), megabytes(*available)
    )]
    Memory {
        /// By what it is for.
        needed: Memory,
        /// Tokens for which it was counted.
        context: usize,
        /// Bytes.
        available: u64,
    },
    /// A kernel on the GPU cannot reach the whole of the largest matrix.
    #[error(
        "its largest matrix has {} and the GPU binds {} at once",
        megabytes(*needed), megabytes(*available)
    )]
    Binding {
        /// Bytes of the matrix.
        needed: u64,
        /// Bytes that can be bound.
        available: u64,
    },
}

impl Needs {
    /// Reads the header alone; refuses what could not be loaded anyway: a damaged header, an architecture, a
    /// tensor type or a tokenizer that is not supported.
    ///
    /// # Errors
    /// As [`crate::Model::load`].
    pub async fn read(source: impl Source) -> Result<Self, Error> {
        let mut header = Header::read(&source).await?;
        // The architecture first: its refusal says more than that of its tokenizer.
        Config::of(&header, 0)?;
        let tokenizer = Tokenizer::take(&mut header)?;
        let config = Config::of(&header, tokenizer.vocabulary())?;
        Ok(Self {
            weights: header.tensor_bytes(),
            largest_matrix: largest_matrix(&header),
            layers: config.layers,
            kv_width: config.global.kv_heads * config.global.head_dim,
            context: config.context,
        })
    }

    /// Keys and values of `context` tokens, bytes.
    fn cache(&self, context: usize) -> u64 {
        [
            self.layers as u64,
            self.kv_width as u64,
            2,
            CACHE_VALUE_BYTES,
        ]
        .iter()
        .fold(context as u64, |product, &factor| {
            product.saturating_mul(factor)
        })
    }
}

/// Whether `file` will fit, and how. `needs` is what its header says; without it only what the length tells is
/// looked at, so that a file that cannot fit is refused before its header is fetched.
///
/// # Errors
/// Every [`Refusal`] that stands against the last way that was tried, the CPU.
pub fn plan(file: &File, needs: Option<&Needs>, device: &Device) -> Result<Plan, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let missing = file.bytes.saturating_sub(file.stored);
    if let Some(available) = device.storage
        && !device.file_in_memory
        && missing > available
    {
        refusals.push(Refusal::Storage {
            needed: missing,
            available,
        });
    }
    let on_gpu = device
        .gpu
        .map(|gpu| fits(file, needs, device.memory, device, Some(gpu)));
    let found = match on_gpu {
        Some(Ok((context, memory))) => Ok((Path::WebGpu, context, memory, None)),
        Some(Err(refusal)) => on_cpu(file, needs, device, Some(refusal)),
        None => on_cpu(file, needs, device, None),
    };
    match found {
        Ok((path, context, memory, not_on_gpu)) if refusals.is_empty() => Ok(Plan {
            path,
            context,
            memory,
            not_on_gpu,
        }),
        Ok(_) => Err(refusals),
        Err(refusal) => {
            refusals.push(refusal);
            Err(refusals)
        }
    }
}

type Found = (Path, usize, Memory, Option<Refusal>);

fn on_cpu(
    file: &File,
    needs: Option<&Needs>,
    device: &Device,
    not_on_gpu: Option<Refusal>,
) -> Result<Found, Refusal> {
    let memory = device.memory.min(ADDRESS_SPACE);
    let (context, memory) = fits(file, needs, memory, device, None)?;
    let path = Path::Cpu {
        relaxed_simd: device.relaxed_simd,
        threads: device.threads,
    };
    Ok((path, context, memory, not_on_gpu))
}

/// The longest context that `available` bytes of memory and the GPU's limits allow, and what it takes.
fn fits(
    file: &File,
    needs: Option<&Needs>,
    available: u64,
    device: &Device,
    gpu: Option<GpuLimits>,
) -> Result<(usize, Memory), Refusal> {
    // Nearly all of a file is weights; the header will say exactly.
    let weights = needs.map_or(file.bytes, |needs| needs.weights);
    let model = needs.map_or(usize::MAX, |needs| needs.context);
    let longest = model.min(file.context.unwrap_or(model));
    let cache = |context| needs.map_or(0, |needs| needs.cache(context));
    let memory = |context| Memory {
        weights: packed(weights),
        cache: cache(context),
        working: WORKING_MEMORY.saturating_add(if device.file_in_memory { file.bytes } else { 0 }),
    };
    let binding = gpu.map_or(u64::MAX, |gpu| gpu.binding.min(gpu.buffer));
    if let Some(needs) = needs {
        let needed = packed(needs.largest_matrix);
        if needed > binding {
            return Err(Refusal::Binding {
                needed,
                available: binding,
            });
        }
    }
    // Keys of a layer are one buffer, values another.
    let layer = |context| match needs {
        Some(needs) if needs.layers > 0 => needs.cache(context) / needs.layers as u64 / 2,
        _ => 0,
    };
    let fit = |context| memory(context).total() <= available && layer(context) <= binding;
    let least = LEAST_CONTEXT.min(longest);
    if fit(longest) {
        return Ok((longest, memory(longest)));
    }
    if layer(least) > binding {
        return Err(Refusal::Binding {
            needed: layer(least),
            available: binding,
        });
    }
    if !fit(least) {
        return Err(Refusal::Memory {
            needed: memory(least),
            context: least,
            available,
        });
    }
    // `least` fits and `longest` does not: the last step between them that fits.
    let (mut low, mut high) = (least / CONTEXT_STEP, longest.div_ceil(CONTEXT_STEP));
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fit(middle * CONTEXT_STEP) {
            low = middle;
        } else {
            high = middle;
        }
    }
    let context = (low * CONTEXT_STEP).max(least);
    Ok((context, memory(context)))
}

fn packed(bytes: u64) -> u64 {
    let (times, per) = PACKING;
    (bytes / per)
        .saturating_mul(times)
        .saturating_add(bytes % per * times / per)
}

/// The largest tensor, those that are stacked counted together.
fn largest_matrix(header: &Header) -> u64 {
    const STACKS: [&[&str]; 2] = [
        &["attn_q.weight", "attn_k.weight", "attn_v.weight"],
        &["ffn_gate.weight", "ffn_up.weight"],
    ];
    let bytes = |name: &str| header.tensor(name).map_or(0, |tensor| tensor.bytes);
    let stacked = |name: &str| {
        let (layer, part) = name
            .rsplit_once('.')
            .and_then(|(rest, _)| rest.rsplit_once('.'))?;
        let stack = STACKS
            .iter()
            .find(|stack| stack[0].strip_suffix(".weight") == Some(part))?;
        Some(
            stack
                .iter()
                .map(|part| bytes(&format!("{layer}.{part}")))
                .fold(0u64, u64::saturating_add),
        )
    };
    header
        .tensor_names()
        .map(|name| stacked(name).unwrap_or_else(|| bytes(name)))
        .max()
        .unwrap_or(0)
}

/// Whole megabytes, with separators, as a person reads them.
fn megabytes(bytes: u64) -> String {
    let whole = bytes.div_ceil(1_000_000).to_string();
    let digits = whole.len();
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (digits - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + " MB"
}

#[cfg(test)]
mod tests;
