//! Bar charts drawn by the server: the last runs' sizes and durations, as plain SVG.

#[cfg(test)]
mod tests;

/// The drawing's width, in its own units; the page stretches it (templates/_ui/chart.html).
const WIDTH: i64 = 720;
/// Its height.
const HEIGHT: i64 = 120;

/// One bar, from the run it stands for.
#[derive(Debug, Clone)]
pub(super) struct Value {
    /// What was measured; unknown is not zero.
    pub(super) amount: Option<i64>,
    /// How the run ended: a word of marks.css.
    pub(super) mark: &'static str,
    /// `Fri 20 Nov, 21:04`.
    pub(super) when: String,
    /// `1.4 GB`.
    pub(super) words: String,
    /// The run's page.
    pub(super) path: String,
}

/// One bar, placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    /// From the left.
    pub(super) x: i64,
    /// From the top.
    pub(super) y: i64,
    /// Its width.
    pub(super) width: i64,
    /// Its height; at least 1 for what was measured, so that zero is seen.
    pub(super) height: i64,
    /// A word of marks.css.
    pub(super) mark: &'static str,
    /// What hovering says.
    pub(super) title: String,
}

/// One line of the scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// From the top.
    pub(super) y: i64,
    /// What stands at its end.
    pub(super) words: String,
}

/// A chart, placed.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// What it shows, in one sentence: for those who do not see it.
    pub(super) summary: String,
    /// The bars, oldest first.
    pub(super) bars: Vec<Bar>,
    /// The scale.
    pub(super) lines: Vec<Line>,
    /// The same values as a table, newest first.
    pub(super) values: Vec<Value>,
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes, in powers of ten.
    Size,
    /// Seconds.
    Duration,
}

impl Unit {
    fn words(self, amount: i64) -> String {
        match self {
            Self::Size => crate::web::words::size(amount),
            Self::Duration => crate::web::words::duration(jiff::SignedDuration::from_secs(amount)),
        }
    }

    /// The least round amount that is not less than `amount`.
    fn rounded(self, amount: i64) -> i64 {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 3600;
        let steps = [
            10,
            30,
            MINUTE,
            2 * MINUTE,
            5 * MINUTE,
            10 * MINUTE,
            20 * MINUTE,
            30 * MINUTE,
            HOUR,
            2 * HOUR,
            4 * HOUR,
            8 * HOUR,
            12 * HOUR,
            24 * HOUR,
        ];
        if self == Self::Duration
            && let Some(step) = steps.into_iter().find(|step| *step >= amount)
        {
            return step;
        }
        let mut power: i64 = 1;
        loop {
            for step in [power, power.saturating_mul(2), power.saturating_mul(5)] {
                if step >= amount {
                    return step;
                }
            }
            power = power.saturating_mul(10);
        }
    }
}

impl Chart {
    /// A chart of `values`, oldest first; nothing when none was measured.
    pub(super) fn new(what: &str, unit: Unit, values: Vec<Value>) -> Option<Self> {
        let known: Vec<i64> = values
            .iter()
            .filter_map(|value| value.amount)
            .map(|a| a.max(0))
            .collect();
        let (least, most, newest) = (*known.iter().min()?, *known.iter().max()?, *known.last()?);
        let top = unit.rounded(most.max(1));
        let count = i64::try_from(values.len()).ok()?;
        // A single run is not drawn as a wall.
        let pitch = (WIDTH / count.max(1)).clamp(2, 24);
        let left = WIDTH - pitch * count;
        let bars = (0..)
            .zip(&values)
            .filter_map(|(index, value)| {
                let height = scaled(value.amount?.max(0), top).max(1);
                Some(Bar {
                    x: left + index * pitch,
                    y: HEIGHT - height,
                    width: (pitch - 2).max(1),
                    height,
                    mark: value.mark,
                    title: format!("{}: {}", value.when, value.words),
                })
            })
            .collect();
        let amounts = if top > 1 { vec![top, top / 2, 0] } else { vec![top, 0] };
        let lines = amounts
            .into_iter()
            .map(|amount| Line {
                y: HEIGHT - scaled(amount, top),
                words: unit.words(amount),
            })
            .collect();
        let range = if least == most {
            format!("always {}", unit.words(most))
        } else {
            format!("between {} and {}", unit.words(least), unit.words(most))
        };
        let runs = crate::web::words::count(count, "run", "runs");
        let summary = format!("{what} of the last {runs}: {range}, last {}.", unit.words(newest));
        let values = values.into_iter().rev().collect();
        Some(Self {
            summary,
            bars,
            lines,
            values,
        })
    }
}

/// `amount` on a scale on which `top` is [`HEIGHT`] high.
fn scaled(amount: i64, top: i64) -> i64 {
    let height = i128::from(amount) * i128::from(HEIGHT) / i128::from(top.max(1));
    i64::try_from(height).unwrap_or(HEIGHT).min(HEIGHT)
}
