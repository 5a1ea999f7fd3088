//! Who is measured.

use clap::ValueEnum;

/// One way to run the model.
#[derive(Debug)]
pub struct Contender {
    pub name: &'static str,
    pub place: Place,
    pub gpu: bool,
    pub peer: bool,
    /// Whether it can use more than one thread.
    pub threads: bool,
    /// Whether it reads the model as ONNX, not as GGUF.
    pub onnx: bool,
}

/// Where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The `tidegate` command.
    Command,
    /// The script of native llama.cpp.
    LlamaCpp,
    /// A page; the runtime's key in tests/browser/bench.
    Page(&'static str),
}

/// What WebGPU computes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Adapter {
    /// The machine's GPU.
    Hardware,
    /// Mesa's CPU driver, in a copy of Chromium.
    Lavapipe,
    /// Chromium's own CPU adapter.
    Swiftshader,
}

impl Adapter {
    /// As the bench page and the command line call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Lavapipe => "lavapipe",
            Self::Swiftshader => "swiftshader",
        }
    }
}

/// A contender with its threads and its adapter: a row of the table.
#[derive(Clone, Debug)]
pub struct Run {
    pub contender: &'static Contender,
    pub threads: usize,
    pub adapter: Option<Adapter>,
}

/// Needs a build with Burn.
pub const NATIVE_GPU: &str = "tidegate-native-webgpu";

static CONTENDERS: [Contender; 10] = [
    Contender::new("tidegate", Place::Page("tidegate")).threaded(),
    Contender::new("tidegate-webgpu", Place::Page("tidegate")).on_gpu(),
    Contender::new("tidegate-native", Place::Command).threaded(),
    Contender::new(NATIVE_GPU, Place::Command).on_gpu(),
    Contender::new("wllama", Place::Page("wllama"))
        .peer()
        .threaded(),
    Contender::new("wllama-webgpu", Place::Page("wllama"))
        .peer()
        .on_gpu(),
    Contender::new("onnxruntime-web", Place::Page("onnxruntime-web"))
        .peer()
        .threaded()
        .reads_onnx(),
    Contender::new("transformers.js", Place::Page("transformers.js"))
        .peer()
        .threaded()
        .reads_onnx(),
    Contender::new("transformers.js-webgpu", Place::Page("transformers.js"))
        .peer()
        .on_gpu()
        .reads_onnx(),
    Contender::new("llama.cpp", Place::LlamaCpp)
        .peer()
        .threaded(),
];

impl Contender {
    const fn new(name: &'static str, place: Place) -> Self {
        Self {
            name,
            place,
            gpu: false,
            peer: false,
            threads: false,
            onnx: false,
        }
    }

    const fn on_gpu(mut self) -> Self {
        self.gpu = true;
        self
    }

    const fn peer(mut self) -> Self {
        self.peer = true;
        self
    }

    const fn threaded(mut self) -> Self {
        self.threads = true;
        self
    }

    const fn reads_onnx(mut self) -> Self {
        self.onnx = true;
        self
    }

    /// By name, for the command line.
    pub fn parse(name: &str) -> Result<&'static Self, String> {
        let names: Vec<&str> = CONTENDERS.iter().map(|contender| contender.name).collect();
        let found = CONTENDERS.iter().find(|contender| contender.name == name);
        found.ok_or_else(|| format!("one of: {}", names.join(", ")))
    }

    /// The runtime's key, if it runs in a page.
    pub fn page(&self) -> Option<&'static str> {
        match self.place {
            Place::Page(runtime) => Some(runtime),
            Place::Command | Place::LlamaCpp => None,
        }
    }

    /// Whether a page of it needs our own modules.
    pub fn is_ours(&self) -> bool {
        self.page().is_some() && !self.peer
    }
}

/// The rows, in the order of the table.
pub fn plan(
    only: &[&'static Contender],
    peers: bool,
    threads: &[usize],
    adapters: &[Adapter],
) -> Vec<Run> {
    let mut runs = Vec::new();
    for contender in &CONTENDERS {
        let wanted = if only.is_empty() {
            peers || !contender.peer
        } else {
            only.iter().any(|one| one.name == contender.name)
        };
        let most = threads.iter().copied().max().unwrap_or(1);
        match (wanted, contender.gpu) {
            (false, _) => {}
            // Natively there is one Vulkan driver, whichever the set-up found.
            (true, true) if contender.page().is_none() => runs.push(Run {
                contender,
                threads: 1,
                adapter: Some(Adapter::Lavapipe),
            }),
            (true, true) => runs.extend(adapters.iter().map(|&adapter| Run {
                contender,
                threads: most,
                adapter: Some(adapter),
            })),
            (true, false) => {
                let one: &[usize] = &[1];
                let counts = if contender.threads { threads } else { one };
                runs.extend(counts.iter().map(|&threads| Run {
                    contender,
                    threads,
                    adapter: None,
                }));
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::{Adapter, Contender, plan};

    fn names(runs: &[super::Run]) -> Vec<String> {
        runs.iter()
            .map(|run| {
                let adapter = run.adapter.map(Adapter::name).unwrap_or("cpu");
                format!("{} {} {adapter}", run.contender.name, run.threads)
            })
            .collect()
    }

    #[test]
    fn a_row_for_each_count_of_threads_and_each_adapter() {
        let only =
            ["tidegate", "wllama", "wllama-webgpu"].map(|name| Contender::parse(name).unwrap());
        let adapters = [Adapter::Lavapipe, Adapter::Swiftshader];
        assert_eq!(
            names(&plan(&only, false, &[1, 2], &adapters)),
            [
                "tidegate 1 cpu",
                "tidegate 2 cpu",
                "wllama 1 cpu",
                "wllama 2 cpu",
                "wllama-webgpu 2 lavapipe",
                "wllama-webgpu 2 swiftshader",
            ]
        );
    }

    #[test]
    fn peers_come_when_asked() {
        let ours = plan(&[], false, &[1], &[Adapter::Lavapipe]);
        assert!(ours.iter().all(|run| !run.contender.peer));
        assert_eq!(plan(&[], true, &[1], &[Adapter::Lavapipe]).len(), 10);
    }
}
