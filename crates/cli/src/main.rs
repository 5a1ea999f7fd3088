//! The `tidegate` command.

mod calibrate;
mod clock;
mod doctor;
mod estimates;
mod eval;
mod filter;
mod generate;
mod inspect;
mod keys;
mod learned;
mod lines;
mod load;
mod personal;
mod replay;
mod reply;
mod route;
mod serve;
mod tokens;
mod train;

use clap::{Parser, Subcommand};

/// Answers in the page, and opens a private way to the cloud only when needed.
#[derive(Parser)]
#[command(name = "tidegate", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the local model from a terminal.
    Generate(generate::Arguments),
    /// Show what a model file costs to run: bytes and operations per token.
    Inspect(inspect::Arguments),
    /// Find personal data: JSON Lines `{"text"}` in, `{"spans":[{"start","end","type","score","class"}]}` out.
    ///
    /// Offsets count Unicode code points, `end` is the first one after the span. `score` says how sure,
    /// 0 to 1; `class` how far it may go: `public`, `prefer-not`, `restricted` or `never-leaves`. Where a text is
    /// about something that calls for care, `topics` lists that: `[{"topic","class"}]`. Other fields of a line are
    /// passed through.
    Detect(filter::Arguments),
    /// Swap personal data for placeholders: JSON Lines `{"text"}` in, `{"text","replaced":[…],"blocked"}` out.
    ///
    /// Each line is a conversation of its own: numbering starts anew. `replaced` lists the placeholders and
    /// their kinds; `blocked` says that Tidegate would refuse to send the text, because it holds or is
    /// about something that may not leave, not even behind a placeholder. Other fields of a line are passed through.
    Sanitize(filter::Arguments),
    /// Say where prompts would be answered: JSON Lines `{"prompt"}` in, `{"intent","expected_gain","novelty","route","reasons","us"}` out.
    ///
    /// Personal data is looked for first, and what may not leave does not, whatever the scores. `route` is `local`,
    /// `cloud`, or `null` with an `error` where nothing may and can answer; `reasons` the codes and sentences, the one
    /// that decided first; `expected_gain` (-1 to 1) and `novelty` (0 to 1) are `null` where the weights do not say;
    /// `us` the microseconds of judging and deciding, without the search for personal data. Other fields of a line are
    /// passed through.
    Route(route::Arguments),
    /// Say from a log of questions whether hybrid is worth it at all.
    #[command(long_about = doctor::ABOUT)]
    Doctor(doctor::Arguments),
    /// Measure how good a model file or the finding of personal data is.
    Eval {
        #[command(subcommand)]
        what: eval::What,
    },
    /// Learn what a model file's own certainty means.
    #[command(long_about = calibrate::ABOUT)]
    Calibrate(calibrate::Arguments),
    /// Make kept decisions again: records in, one a line, `{"same","version","result"}` out.
    ///
    /// A record is what `diagnostics.lastRecord()` of the npm package gives: counts, kinds and scores, nothing of what
    /// was asked. One of this version comes out the same, bit by bit; if one does not, the command fails.
    Replay(replay::Arguments),
    /// Make weights that ship.
    Train {
        #[command(subcommand)]
        what: train::What,
    },
    /// Make a gateway's keys, rotate them, and sign the list of them that pages compare.
    Keys {
        #[command(subcommand)]
        what: keys::What,
    },
    /// Make an issuer's keys, rotate them, and let apps have tokens.
    Tokens {
        #[command(subcommand)]
        what: tokens::What,
    },
    /// Serve page, relay, gateway and an upstream on this machine.
    Serve(serve::Arguments),
    /// Pass sealed queries on to a gateway, and drop who sent them.
    Relay(serve::RelayArguments),
    /// Open sealed queries, ask an OpenAI-compatible server or Anthropic's, seal the reply.
    Gateway(serve::GatewayArguments),
    /// Sign tokens for whoever an app's back end vouches for: a gateway takes one with each request.
    Issuer(serve::IssuerArguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Generate(arguments) => generate::run(arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Detect(arguments) => filter::detect(&arguments),
        Command::Sanitize(arguments) => filter::sanitize(&arguments),
        Command::Route(arguments) => route::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Eval { what } => eval::run(&what),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Train { what } => train::run(&what),
        Command::Keys { what } => keys::run(&what),
        Command::Tokens { what } => tokens::run(&what),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Relay(arguments) => serve::run_relay(arguments),
        Command::Gateway(arguments) => serve::run_gateway(arguments),
        Command::Issuer(arguments) => serve::run_issuer(arguments),
    }
}
