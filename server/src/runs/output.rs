//! The end of what a tool printed, as it is kept of an agent's report.

use lastgood_protocol::{MOST_OUTPUT_BYTES, MOST_OUTPUT_LINES, Outcome, RunFinished};

/// The last lines of a tool's output, oldest first. The agent redacted them; the server believes neither their number nor
/// their length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Lines of its standard output.
    pub stdout: Vec<String>,
    /// Lines of its standard error.
    pub stderr: Vec<String>,
}

impl Output {
    /// What is kept of a report: nothing of a run that ended ok. What is too much costs the oldest lines, not the report.
    pub(super) fn of(report: &RunFinished) -> Option<Self> {
        let told = report.output.as_ref().filter(|_| report.outcome != Outcome::Ok)?;
        let mut room = MOST_OUTPUT_BYTES;
        let stderr = last_that_fit(&told.stderr, &mut room);
        let stdout = last_that_fit(&told.stdout, &mut room);
        let output = Self { stdout, stderr };
        (output != Self::default()).then_some(output)
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.stdout.len() + self.stderr.len()
    }
}

fn last_that_fit(lines: &[String], room: &mut usize) -> Vec<String> {
    let mut kept: Vec<String> = lines
        .iter()
        .rev()
        .map(|line| plain(line))
        .filter(|line| !line.is_empty())
        .take(MOST_OUTPUT_LINES)
        .map_while(|line| {
            *room = room.checked_sub(line.len())?;
            Some(line)
        })
        .collect();
    kept.reverse();
    kept
}

/// The line without what is not shown or turns the direction of writing; control characters were refused when it came.
fn plain(line: &str) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    line.chars().filter(is_shown).collect::<String>().trim_end().to_owned()
}
