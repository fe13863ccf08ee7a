//! Seconds to pixels.

/// A horizontal scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    left: f64,
    right: f64,
}

impl Scale {
    /// Lays the seconds `from..to` on the pixels `left..right`.
    pub(super) fn new(from: f64, to: f64, left: f64, right: f64) -> Self {
        Self { from, to: to.max(from + 1.0), left, right }
    }

    /// Where `seconds` lies, kept inside.
    pub(super) fn x(&self, seconds: f64) -> f64 {
        let share = ((seconds - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.left + share * (self.right - self.left)
    }

    /// How long `from..to` is.
    pub(super) fn width(&self, from: f64, to: f64) -> f64 {
        (self.x(to) - self.x(from)).max(0.0)
    }

    /// Whether `seconds` is on the scale.
    pub(super) fn shows(&self, seconds: f64) -> bool {
        (self.from..=self.to).contains(&seconds)
    }

    /// Round seconds to label, every `step`.
    pub(super) fn ticks(&self, step: f64) -> Vec<f64> {
        let mut tick = (self.from / step).ceil() * step;
        let mut ticks = Vec::new();
        while tick <= self.to {
            ticks.push(tick);
            tick += step;
        }
        ticks
    }
}

/// A coordinate, to a tenth of a pixel.
pub(super) fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_outside_stay_on_the_edge() {
        let scale = Scale::new(10.0, 20.0, 100.0, 200.0);
        assert_eq!(px(scale.x(15.0)), "150.0");
        assert_eq!((px(scale.x(5.0)), px(scale.x(25.0))), ("100.0".into(), "200.0".into()));
        assert_eq!(scale.ticks(5.0), [10.0, 15.0, 20.0]);
        assert!(scale.shows(20.0) && !scale.shows(20.1));
    }
}
