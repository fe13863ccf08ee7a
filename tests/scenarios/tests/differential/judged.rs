//! Which differences are known, who is right, and who says so?

use super::{call::Call, compare::Difference};

/// Whom AWS agrees with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// The world does as AWS does.
    World,
    /// moto does as AWS does, and the world does not play this at all.
    NotPlayed,
    /// AWS leaves it open, or each side makes it up.
    Open,
}

/// The path of a difference in what a call does, where both answer alike.
pub(crate) const EFFECT: &str = "effect";
/// The same, where both refuse it.
pub(crate) const EFFECT_OF_REFUSAL: &str = "effect of the refusal";

/// A difference that somebody has looked at. `*` stands for anything.
#[derive(Debug)]
pub(crate) struct Judged {
    /// `ec2:DescribeInstances`
    pub(crate) call: &'static str,
    /// The case of the call.
    pub(crate) case: &'static str,
    pub(crate) path: &'static str,
    pub(crate) world: &'static str,
    pub(crate) moto: &'static str,
    pub(crate) right: Right,
    /// Why, and where AWS says so.
    pub(crate) source: &'static str,
    /// Both sides are in different states afterwards, and begin anew.
    pub(crate) apart: bool,
}

impl Judged {
    pub(crate) fn covers(&self, call: &Call, difference: &Difference) -> bool {
        !self.path.starts_with(EFFECT)
            && self.covers_call(call)
            && like(self.path, &difference.path)
            && like(self.world, &difference.world)
            && like(self.moto, &difference.moto)
    }

    /// Whether it says that the same answer to this call, or the same refusal, means different effects.
    pub(crate) fn covers_effect(&self, call: &Call, refused: bool) -> bool {
        self.path == if refused { EFFECT_OF_REFUSAL } else { EFFECT } && self.covers_call(call)
    }

    fn covers_call(&self, call: &Call) -> bool {
        self.is_about(&call.name(), call.case)
    }

    /// Whether it speaks of this operation in this case.
    pub(crate) fn is_about(&self, operation: &str, case: &str) -> bool {
        like(self.call, operation) && like(self.case, case)
    }
}

/// Whether a text is as a pattern, in which `*` stands for anything and `|` separates alternatives.
fn like(pattern: &str, text: &str) -> bool {
    fn one(pattern: &str, text: &str) -> bool {
        let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
        let Some(text) = text.strip_prefix(start) else { return false };
        (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| one(rest, &text[at..]))
    }
    pattern.split('|').any(|pattern| one(pattern, text))
}

#[test]
fn a_pattern_stands_for_what_it_says() {
    assert!(
        like("*", "") && like("a*c", "abbc") && like("x|a", "a") && like("Instances[].*", "Instances[].State.Name")
    );
    assert!(!like("a*c", "ab") && !like("x|y", "xy") && !like("absent", ""));
}
