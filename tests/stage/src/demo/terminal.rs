//! The timeline as people see it while it happens.

use std::io::{self, IsTerminal as _, Write as _};

/// What a line is about; on a terminal, its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something was done to the fleet.
    Act,
    /// The panda spoke.
    Panda,
    /// deployment-recovery did something.
    Recovery,
    /// An event reached the function.
    Event,
    /// The address moved.
    Move,
    /// The site answers again.
    Good,
    /// The site is silent.
    Bad,
    /// The fleet's own doings.
    Quiet,
}

/// A line of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Seconds since the first request, if it has begun.
    pub at: Option<f64>,
    /// What it is about.
    pub tone: Tone,
    /// The words.
    pub text: String,
}

impl Line {
    /// A line at a time.
    pub fn at(at: f64, tone: Tone, text: impl Into<String>) -> Self {
        Self { at: Some(at), tone, text: text.into() }
    }

    /// A line before the first request, or after the last.
    pub fn aside(text: impl Into<String>) -> Self {
        Self { at: None, tone: Tone::Quiet, text: text.into() }
    }
}

/// Prints lines; in colour only for people.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    coloured: bool,
}

impl Terminal {
    /// Standard output, coloured if it is a terminal and <https://no-color.org> is not asked for.
    #[must_use]
    pub fn stdout() -> Self {
        Self {
            coloured: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Prints a line. A closed pipe is no reason to stop the demo before it has cleaned up.
    pub fn print(self, line: &Line) {
        let _ = writeln!(io::stdout(), "{}", self.render(line));
    }

    fn render(self, line: &Line) -> String {
        let time = line.at.map_or_else(|| " ".repeat(9), |at| format!("{at:6.1} s "));
        if !self.coloured {
            return format!("{time} {}", line.text).trim_end().to_owned();
        }
        let colour = match line.tone {
            Tone::Act => "1",
            Tone::Panda => "33",
            Tone::Recovery => "36",
            Tone::Event => "35",
            Tone::Move => "34;1",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Quiet => "2",
        };
        format!("\u{1b}[2m{time}\u{1b}[0m \u{1b}[{colour}m{}\u{1b}[0m", line.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_its_time_and_in_a_file_no_colour() {
        let plain = Terminal { coloured: false };
        assert_eq!(plain.render(&Line::at(12.34, Tone::Act, "killed i-a")), "  12.3 s  killed i-a");
        assert_eq!(plain.render(&Line::aside("deploying")), "          deploying");
    }

    #[test]
    fn on_a_terminal_the_colour_ends_with_the_line() {
        let line = Terminal { coloured: true }.render(&Line::at(1.0, Tone::Bad, "silent"));
        assert!(line.contains("\u{1b}[31msilent") && line.ends_with("\u{1b}[0m"), "{line:?}");
    }
}
