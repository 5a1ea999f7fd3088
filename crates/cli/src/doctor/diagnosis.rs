//! What a log says of hybrid: figures first, then words.

use std::collections::BTreeMap;

use query::Target;
use serde::Serialize;

use super::log::{Entry, mean};

/// Days of a month.
const MONTH: f64 = 30.0;
/// From this share of one kind on, one rule for all questions does as well.
const UNIFORM: f64 = 0.8;
/// Graded answers that are enough to speak of quality at all.
const GRADED: usize = 50;
/// The share of answers that has to be graded.
const GRADED_SHARE: f64 = 0.05;
/// Graded answers of a kind and a place that are enough to compare.
const OF_KIND: usize = 8;
/// Kinds whose gaps differ by less need no router.
const EVEN: f64 = 0.1;

/// What the person needs.
pub(super) struct Needs {
    /// Days that the log covers if it does not say.
    pub(super) days: f64,
    /// What has to be saved in a month.
    pub(super) worth: f64,
}

/// What came of it.
#[derive(Serialize)]
pub(super) struct Diagnosis {
    pub(super) questions: usize,
    pub(super) days: f64,
    /// Nothing speaks against it; `null` if that cannot be said.
    worth_it: Option<bool>,
    pub(super) conclusion: String,
    pub(super) findings: Vec<Finding>,
    pub(super) dearest: Dearest,
    pub(super) kinds: Vec<Kind>,
    pub(super) tiers: Vec<Tier>,
}

/// One thing that decides whether hybrid is worth it.
#[derive(Serialize)]
pub(super) struct Finding {
    code: &'static str,
    pub(super) state: State,
    pub(super) text: String,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// Speaks for hybrid.
    Good,
    /// Speaks against it.
    Problem,
    /// The log does not say.
    Unknown,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
        }
    }
}

/// Questions of one domain or intent.
#[derive(Default, Serialize)]
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) questions: usize,
    share: f64,
    /// What the cloud would cost for them in a month.
    pub(super) cloud_month: f64,
    /// Of all that the cloud would cost.
    cost_share: f64,
    pub(super) local_quality: Quality,
    pub(super) cloud_quality: Quality,
}

/// Grades of answers.
#[derive(Default, Serialize)]
pub(super) struct Quality {
    graded: usize,
    pub(super) mean: Option<f64>,
}

/// Which fifth of the tasks costs how much.
#[derive(Serialize)]
pub(super) struct Dearest {
    /// The dearest kinds that together cost four fifths, the dearest first.
    kinds: Vec<String>,
    /// Their share of all questions.
    questions_share: f64,
    /// Their share of the cloud's cost.
    cost_share: f64,
    /// What the dearest fifth of the questions costs, as a share of all.
    top_fifth_of_questions: f64,
    pub(super) text: String,
}

/// What it costs to answer everything in one way.
#[derive(Serialize)]
pub(super) struct Tier {
    pub(super) name: &'static str,
    pub(super) month: f64,
    pub(super) cloud_share: f64,
    /// Questions whose place is known.
    questions: usize,
    /// Mean of the answers that were given so, where lines say.
    ms: Option<f64>,
}

impl Diagnosis {
    /// Of entries, at least one.
    pub(super) fn of(entries: &[Entry], needs: &Needs) -> Self {
        let days = days(entries).unwrap_or(needs.days);
        let to_month = MONTH / days;
        let kinds = kinds(entries, to_month);
        let tiers = tiers(entries, to_month);
        let findings = vec![
            mix(&kinds),
            volume(entries.len(), &tiers, needs, days),
            quality(&kinds),
            evaluation(entries),
        ];
        let against: Vec<&str> = of_state(&findings, State::Problem);
        let open: Vec<&str> = of_state(&findings, State::Unknown);
        let (worth_it, conclusion) = match (&against[..], &open[..]) {
            ([], []) => (
                Some(true),
                "Hybrid is worth it for this log: nothing speaks against it.".to_owned(),
            ),
            ([], open) => (
                None,
                format!(
                    "It cannot be said yet whether hybrid is worth it: {}.",
                    open.join(", ")
                ),
            ),
            (["no-evaluation"], _) => (
                None,
                "It cannot be said yet whether hybrid is worth it: too few answers are graded."
                    .to_owned(),
            ),
            (against, _) => (
                Some(false),
                format!(
                    "Hybrid is not worth it for this log: {}.",
                    against.join(", ")
                ),
            ),
        };
        Self {
            questions: entries.len(),
            days,
            worth_it,
            conclusion,
            findings,
            dearest: dearest(entries, &kinds),
            kinds,
            tiers,
        }
    }
}

fn of_state(findings: &[Finding], state: State) -> Vec<&'static str> {
    let found = findings.iter().filter(|finding| finding.state == state);
    found.map(|finding| finding.code).collect()
}

/// Between the first and the last question, if two lines have a time; a day at least.
fn days(entries: &[Entry]) -> Option<f64> {
    let times = || entries.iter().filter_map(|entry| entry.time);
    let (first, last) = times().fold((f64::MAX, f64::MIN), |(first, last), time| {
        (first.min(time), last.max(time))
    });
    (times().count() > 1).then(|| ((last - first) / 86_400.0).max(1.0))
}

/// The dearest first.
fn kinds(entries: &[Entry], to_month: f64) -> Vec<Kind> {
    let mut by_name: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_name.entry(&entry.kind).or_default().push(entry);
    }
    let total: f64 = entries.iter().map(|entry| entry.cloud_cost).sum();
    let mut kinds: Vec<Kind> = by_name
        .into_iter()
        .map(|(name, entries)| {
            let cost: f64 = entries.iter().map(|entry| entry.cloud_cost).sum();
            let quality = |target| {
                let of = entries.iter().filter(|entry| entry.logged == Some(target));
                let grades: Vec<f64> = of.filter_map(|entry| entry.quality).collect();
                Quality {
                    graded: grades.len(),
                    mean: mean(grades.into_iter()),
                }
            };
            Kind {
                name: name.to_owned(),
                questions: entries.len(),
                share: 0.0,
                cloud_month: cost * to_month,
                cost_share: if total > 0.0 { cost / total } else { 0.0 },
                local_quality: quality(Target::Local),
                cloud_quality: quality(Target::Cloud),
            }
        })
        .collect();
    for kind in &mut kinds {
        kind.share = kind.questions as f64 / entries.len() as f64;
    }
    kinds.sort_by(|a, b| b.cloud_month.total_cmp(&a.cloud_month));
    kinds
}

fn tiers(entries: &[Entry], to_month: f64) -> Vec<Tier> {
    let tier = |name, place: &dyn Fn(&Entry) -> Option<Target>, paid: bool| {
        let placed = || {
            entries
                .iter()
                .filter_map(|entry| Some((entry, place(entry)?)))
        };
        let questions = placed().count();
        let cost = placed().map(|(entry, target)| match target {
            _ if paid && entry.cost.is_some() => entry.cost.unwrap_or_default(),
            Target::Cloud => entry.cloud_cost,
            Target::Local => entry.local_cost,
        });
        // As if the others were answered alike.
        let all = entries.len() as f64 / questions.max(1) as f64;
        let given = placed().filter(|(entry, target)| entry.logged == Some(*target));
        let cloud = placed()
            .filter(|(_, target)| *target == Target::Cloud)
            .count();
        (questions > 0).then(|| Tier {
            name,
            month: cost.sum::<f64>() * all * to_month,
            cloud_share: cloud as f64 / questions as f64,
            questions,
            ms: mean(given.filter_map(|(entry, _)| entry.ms)),
        })
    };
    [
        tier("all local", &|_| Some(Target::Local), false),
        tier("hybrid, as logged", &|entry| entry.logged, true),
        tier("hybrid, as now", &|entry| entry.now, false),
        tier("all cloud", &|_| Some(Target::Cloud), false),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn mix(kinds: &[Kind]) -> Finding {
    let greatest = kinds.iter().max_by_key(|kind| kind.questions);
    let (name, share) = greatest.map_or(("", 1.0), |kind| (kind.name.as_str(), kind.share));
    let entropy: f64 = kinds.iter().map(|kind| -kind.share * kind.share.ln()).sum();
    let (state, what) = if share >= UNIFORM {
        (
            State::Problem,
            "one rule for all of them does as well as a router",
        )
    } else {
        (State::Good, "there is something to tell apart")
    };
    Finding {
        code: "mix-too-uniform",
        state,
        text: format!(
            "Mix: {:.0}% of the questions are {name}, {} kinds in all ({:.1} if they were equally frequent); {what}.",
            100.0 * share,
            kinds.len(),
            entropy.exp()
        ),
    }
}

fn volume(questions: usize, tiers: &[Tier], needs: &Needs, days: f64) -> Finding {
    let month = |name| tiers.iter().find(|tier| tier.name == name);
    let hybrid = month("hybrid, as logged")
        // A log of one place alone is no hybrid.
        .filter(|tier| tier.cloud_share > 0.0 && tier.cloud_share < 1.0)
        .or(month("hybrid, as now"));
    let all = month("all cloud").map_or(0.0, |tier| tier.month);
    let a_month = questions as f64 * MONTH / days;
    let (state, saved) = match hybrid {
        Some(hybrid) => {
            let saved = all - hybrid.month;
            let state = if saved < needs.worth {
                State::Problem
            } else {
                State::Good
            };
            (
                state,
                format!(
                    "{} saves {saved:.2} of {all:.2} a month against all in the cloud",
                    hybrid.name
                ),
            )
        }
        // Not even all of it would be enough.
        None if all < needs.worth => (
            State::Problem,
            format!("all in the cloud would cost {all:.2} a month"),
        ),
        None => (
            State::Unknown,
            format!(
                "all in the cloud would cost {all:.2} a month; no line has a `route` or a `prompt`, so that what hybrid saves cannot be said"
            ),
        ),
    };
    Finding {
        code: "volume-too-low",
        state,
        text: format!(
            "Volume: {a_month:.0} questions a month; {saved}. It has to be {:.2} to be worth the upkeep.",
            needs.worth
        ),
    }
}

fn quality(kinds: &[Kind]) -> Finding {
    let code = "quality-too-even";
    // Name, cloud − local, questions.
    let gaps: Vec<(&str, f64, f64)> = kinds
        .iter()
        .filter(|kind| kind.local_quality.graded >= OF_KIND && kind.cloud_quality.graded >= OF_KIND)
        .filter_map(|kind| {
            let gap = kind.cloud_quality.mean? - kind.local_quality.mean?;
            Some((kind.name.as_str(), gap, kind.questions as f64))
        })
        .collect();
    let by_gap = |a: &&(&str, f64, f64), b: &&(&str, f64, f64)| a.1.total_cmp(&b.1);
    let (Some(least), Some(most), true) = (
        gaps.iter().min_by(by_gap),
        gaps.iter().max_by(by_gap),
        gaps.len() > 1,
    ) else {
        return Finding {
            code,
            state: State::Unknown,
            text: format!(
                "Quality: fewer than two kinds have {OF_KIND} graded answers of both places, so that what the cloud does better cannot be compared."
            ),
        };
    };
    let weight: f64 = gaps.iter().map(|gap| gap.2).sum();
    let overall = gaps.iter().map(|gap| gap.1 * gap.2).sum::<f64>() / weight;
    let spread = most.1 - least.1;
    let (state, what) = if spread >= EVEN {
        (State::Good, "it pays to tell them apart")
    } else if overall < EVEN {
        (State::Problem, "the local model does for all of them")
    } else {
        (State::Problem, "the cloud is as much better at all of them")
    };
    Finding {
        code,
        state,
        text: format!(
            "Quality: the cloud's answers are better by {overall:.2} of 1 on the whole, from {:.2} ({}) to {:.2} ({}); {what}.",
            least.1, least.0, most.1, most.0
        ),
    }
}

fn evaluation(entries: &[Entry]) -> Finding {
    let graded = entries
        .iter()
        .filter(|entry| entry.quality.is_some())
        .count();
    let share = graded as f64 / entries.len() as f64;
    let is_enough = graded >= GRADED && share >= GRADED_SHARE;
    let (state, what) = if is_enough {
        (State::Good, "enough to know what hybrid does to quality")
    } else {
        (
            State::Problem,
            "grade answers of both places (`quality` or `feedback`) before deciding anything",
        )
    };
    Finding {
        code: "no-evaluation",
        state,
        text: format!(
            "Evaluation: {graded} answers are graded, {:.1}% (at least {GRADED} and {:.0}% are needed); {what}.",
            100.0 * share,
            100.0 * GRADED_SHARE
        ),
    }
}

fn dearest(entries: &[Entry], kinds: &[Kind]) -> Dearest {
    let (mut names, mut questions_share, mut cost_share) = (Vec::new(), 0.0, 0.0);
    for kind in kinds {
        // What is left of a hundredth is rounding.
        if cost_share >= 0.8 - 1e-9 {
            break;
        }
        names.push(kind.name.clone());
        questions_share += kind.share;
        cost_share += kind.cost_share;
    }
    let mut costs: Vec<f64> = entries.iter().map(|entry| entry.cloud_cost).collect();
    costs.sort_by(|a, b| b.total_cmp(a));
    let total: f64 = costs.iter().sum();
    let fifth: f64 = costs.iter().take(costs.len().div_ceil(5)).sum();
    let top = if total > 0.0 { fifth / total } else { 0.0 };
    Dearest {
        text: format!(
            "Cost: {:.0}% of the questions ({}) make {:.0}% of what the cloud would cost; the dearest fifth of the questions makes {:.0}%.",
            100.0 * questions_share,
            names.join(", "),
            100.0 * cost_share,
            100.0 * top
        ),
        kinds: names,
        questions_share,
        cost_share,
        top_fifth_of_questions: top,
    }
}
