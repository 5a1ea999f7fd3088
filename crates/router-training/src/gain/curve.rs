//! What a router is worth on prompts whose scores are known.
//!
//! Prompts are sorted by predicted gain, greatest first; the first share `s` of them goes to the cloud. Prompts with
//! the same prediction count as if sent in any order (their mean). With `q(s)` the mean score then, `q(0)` that of
//! the weak model and `q(1)` that of the strong one, the performance gap recovered is
//! `PGR(s) = (q(s) - q(0)) / (q(1) - q(0))`, and APGR is the area under it over `s` from 0 to 1, by trapezoids between
//! all prompts (RouteLLM, arXiv:2406.18665). Sending at random gives 0.5; knowing the scores gives more than 1 where
//! the weak model is sometimes better.
//!
//! Where the strong model is not better on average there is no gap to recover: then [`Curve::apgr`] is none, and
//! [`Curve::of_oracle`] says how much of the way from chance to the oracle the area goes.

/// A curve over the share sent to the cloud.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Prompts, and sums of what came before each step: `(sent, gain)`, first `(0, 0)`.
    steps: Vec<(f64, f64)>,
    weak: f64,
}

/// Predicted gain, true gain, weak score, and how often it counts.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Predicted.
    pub predicted: f32,
    /// Strong less weak.
    pub gain: f32,
    /// The weak model's score.
    pub weak: f32,
}

/// Points by predicted gain, greatest first, to be counted once or, for intervals, any number of times.
#[derive(Clone, Debug)]
pub struct Sorted {
    points: Vec<(usize, Point)>,
}

impl Sorted {
    /// Sorts.
    pub fn new(points: impl IntoIterator<Item = Point>) -> Self {
        let mut points: Vec<(usize, Point)> = points.into_iter().enumerate().collect();
        points.sort_by(|one, other| other.1.predicted.total_cmp(&one.1.predicted));
        Self { points }
    }

    /// The curve, each point counted as often as `times` says of its place before sorting.
    pub fn curve(&self, times: impl Fn(usize) -> u32) -> Curve {
        let (mut sent, mut gain, mut weak) = (0.0, 0.0, 0.0);
        let mut steps = vec![(0.0, 0.0)];
        for same in self
            .points
            .chunk_by(|one, other| one.1.predicted == other.1.predicted)
        {
            for (place, point) in same {
                let times = f64::from(times(*place));
                sent += times;
                gain += times * f64::from(point.gain);
                weak += times * f64::from(point.weak);
            }
            // Straight over points that are the same: the mean of all orders.
            if steps.last().is_some_and(|step| step.0 < sent) {
                steps.push((sent, gain));
            }
        }
        Curve {
            steps,
            weak: weak / f64::max(sent, 1.0),
        }
    }
}

impl Curve {
    fn prompts(&self) -> f64 {
        self.steps.last().map_or(0.0, |step| step.0)
    }

    /// Mean score of the weak model.
    pub fn weak(&self) -> f64 {
        self.weak
    }

    /// Mean score of the strong model, less that of the weak one.
    pub fn gap(&self) -> f64 {
        self.steps
            .last()
            .map_or(0.0, |step| step.1 / step.0.max(1.0))
    }

    /// Area between the curve and the weak model's score.
    pub fn area(&self) -> f64 {
        let prompts = self.prompts().max(1.0);
        let part = |two: &[(f64, f64)]| (two[1].0 - two[0].0) * (two[0].1 + two[1].1) / 2.0;
        self.steps.windows(2).map(part).sum::<f64>() / (prompts * prompts)
    }

    /// Area under performance gap recovered, random 0.5; none where the strong model is not better.
    pub fn apgr(&self) -> Option<f64> {
        (self.gap() > 0.0).then(|| self.area() / self.gap())
    }

    /// 0.5 for chance, 1 for the oracle's area, below 0.5 where it is worse than chance. Exists on any scores that
    /// differ.
    pub fn of_oracle(&self, oracle: &Curve) -> Option<f64> {
        let chance = self.gap() / 2.0;
        let most = oracle.area() - chance;
        (most > 0.0).then(|| 0.5 + 0.5 * (self.area() - chance) / most)
    }

    /// The least share with a mean score of at least `score`, straight between steps.
    pub fn share_for(&self, score: f64) -> Option<f64> {
        let prompts = self.prompts();
        let wanted = (score - self.weak) * prompts - 1e-9;
        if wanted <= 0.0 {
            return Some(0.0);
        }
        self.steps
            .windows(2)
            .find(|two| two[1].1 >= wanted)
            .map(|two| {
                let ((sent, gain), (then, more)) = (two[0], two[1]);
                (sent + (then - sent) * (wanted - gain) / (more - gain)) / prompts
            })
    }

    /// Least share sent to the cloud that recovers this share of the gap (call-performance threshold); none where
    /// the strong model is not better.
    pub fn cpt(&self, recovered: f64) -> Option<f64> {
        (self.gap() > 0.0)
            .then(|| self.share_for(self.weak + recovered * self.gap()))
            .flatten()
    }

    /// Share of calls to the cloud that need not be made, for a mean score of this share of the strong model's.
    pub fn saved(&self, quality: f64) -> Option<f64> {
        self.share_for(quality * (self.weak + self.gap()))
            .map(|share| 1.0 - share)
    }

    /// Mean score when this share is sent.
    pub fn score_at(&self, share: f64) -> f64 {
        let wanted = share * self.prompts();
        let two = self.steps.windows(2).find(|two| two[1].0 >= wanted);
        let gain = two.map_or(0.0, |two| {
            let ((sent, gain), (then, more)) = (two[0], two[1]);
            gain + (more - gain) * (wanted - sent) / (then - sent)
        });
        self.weak + gain / self.prompts().max(1.0)
    }

    /// Up to so many points, share and mean score, for drawing.
    pub fn points(&self, count: usize) -> Vec<(f64, f64)> {
        (0..=count)
            .map(|at| at as f64 / count as f64)
            .map(|share| (share, self.score_at(share)))
            .collect()
    }
}

/// Expected calibration error: mean over ten equal parts, by predicted gain, of how far the mean prediction is from
/// the mean gain.
pub fn calibration_error(points: &[Point]) -> f64 {
    let sorted = Sorted::new(points.iter().copied()).points;
    let parts = 10.min(sorted.len().max(1));
    let off = (0..parts).map(|part| {
        let of = &sorted[part * sorted.len() / parts..(part + 1) * sorted.len() / parts];
        of.iter()
            .map(|(_, point)| f64::from(point.predicted - point.gain))
            .sum::<f64>()
            .abs()
    });
    off.sum::<f64>() / sorted.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(of: &[(f32, f32)]) -> Curve {
        let point = |(predicted, gain): &(f32, f32)| Point {
            predicted: *predicted,
            gain: *gain,
            weak: 0.25,
        };
        Sorted::new(of.iter().map(point)).curve(|_| 1)
    }

    fn near(one: Option<f64>, other: f64) {
        assert!(
            one.is_some_and(|one| (one - other).abs() < 1e-8),
            "{one:?} {other}"
        );
    }

    /// Two prompts, one gains: found first, the curve is 0, 1, 1 of the gap at 0, 1/2, 1.
    #[test]
    fn areas_by_hand() {
        near(curve(&[(2.0, 1.0), (1.0, 0.0)]).apgr(), 0.75);
        near(curve(&[(1.0, 1.0), (2.0, 0.0)]).apgr(), 0.25);
        near(curve(&[(1.0, 1.0), (1.0, 0.0)]).apgr(), 0.5);
        // One is better left here: 0, 2, 2, 1 of the gap of 1/3 at 0, 1/3, 2/3, 1 ... by thirds.
        let oracle = curve(&[(1.0, 1.0), (0.9, 1.0), (-1.0, -1.0)]);
        near(oracle.apgr(), (0.5 + 1.5 + 1.5) / 3.0);
        near(oracle.of_oracle(&oracle), 1.0);
    }

    #[test]
    fn without_a_gap_there_is_no_recovery_but_a_way_to_the_oracle() {
        let of = [(1.0, 1.0), (0.0, -1.0), (-1.0, -1.0)];
        let (oracle, worst) = (
            curve(&of),
            curve(&of.map(|(predicted, gain)| (-predicted, gain))),
        );
        assert_eq!((oracle.apgr(), oracle.cpt(0.5)), (None, None));
        near(oracle.of_oracle(&oracle), 1.0);
        assert!(worst.of_oracle(&oracle).unwrap() < 0.5);
        near(
            curve(&of.map(|(_, gain)| (0.0, gain))).of_oracle(&oracle),
            0.5,
        );
    }

    #[test]
    fn shares_for_a_score() {
        // 0.25, 0.5 and 0.75 at 0, 1/4 and 1/2, then flat.
        let curve = curve(&[(4.0, 1.0), (3.0, 1.0), (2.0, 0.0), (1.0, 0.0)]);
        near(curve.cpt(0.5), 0.25);
        near(curve.cpt(0.95), 0.475);
        near(curve.saved(1.0), 0.5);
        near(curve.saved(0.2), 1.0);
        near(Some(curve.score_at(0.375)), 0.625);
        near(Some(curve.score_at(1.0)), 0.75);
        assert_eq!(curve.share_for(0.9), None);
    }

    #[test]
    fn points_count_as_often_as_they_are_drawn() {
        let point = |predicted, gain| Point {
            predicted,
            gain,
            weak: 0.0,
        };
        let sorted = Sorted::new([point(1.0, 0.0), point(2.0, 1.0)]);
        near(sorted.curve(|place| [1, 0][place]).share_for(0.0), 0.0);
        near(Some(sorted.curve(|place| [1, 3][place]).gap()), 0.75);
    }

    #[test]
    fn calibration_error_is_the_distance_from_the_mean() {
        let point = |predicted, gain| Point {
            predicted,
            gain,
            weak: 0.0,
        };
        let points: Vec<Point> = (0..20)
            .map(|at| point(at as f32, at as f32 + 0.5))
            .collect();
        assert!((calibration_error(&points) - 0.5).abs() < 1e-9);
    }
}
