//! How many tests passed and failed, from what each runner prints.

use std::ops::AddAssign;

use anyhow::{Context, Result};
use serde_json::Value;

/// Tests of one runner, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
}

impl Count {
    /// A check that either holds or does not: one test.
    pub fn check(holds: bool) -> Self {
        Self {
            passed: holds.into(),
            failed: (!holds).into(),
        }
    }

    /// `cargo test`: the sum of its lines `test result: ok. 5 passed; 0 failed; …`.
    pub fn cargo(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output
            .lines()
            .filter(|line| line.starts_with("test result:"))
        {
            sum.passed += number_before(line, " passed").unwrap_or(0);
            sum.failed += number_before(line, " failed").unwrap_or(0);
        }
        sum
    }

    /// `vitest --reporter=json`.
    pub fn vitest(report: &str) -> Result<Self> {
        let report: Value = serde_json::from_str(report).context("vitest's report")?;
        let field = |name: &str| {
            report[name]
                .as_u64()
                .with_context(|| format!("vitest's report has no {name}"))
        };
        Ok(Self {
            passed: field("numPassedTests")?,
            failed: field("numFailedTests")?,
        })
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

fn number_before(line: &str, word: &str) -> Option<u64> {
    let before = &line[..line.find(word)?];
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Count;

    fn count(passed: u64, failed: u64) -> Count {
        Count { passed, failed }
    }

    #[test]
    fn cargo_lines_are_summed() {
        let output = "running 2 tests\ntest a ... ok\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured\n\
            test result: FAILED. 10 passed; 3 failed; 0 ignored\n";
        assert_eq!(Count::cargo(output), count(12, 3));
        assert_eq!(Count::cargo("error: could not compile"), count(0, 0));
    }

    #[test]
    fn vitest_report() {
        let report = r#"{"numTotalTests":7,"numPassedTests":6,"numFailedTests":1}"#;
        assert_eq!(Count::vitest(report).unwrap(), count(6, 1));
        assert!(Count::vitest("{}").is_err());
    }
}
