//! Which other instance types would do?
//!
//! AWS does not say which types are alike. What their names say is enough to suggest one: the same size, the same kind of processor.

/// What EC2's filter finds all types of the same size by.
#[must_use]
pub fn pattern_of_siblings(instance_type: &str) -> Option<String> {
    instance_type.split_once('.').map(|(_, size)| format!("*.{size}"))
}

/// Whether an image for the one type boots on the other: both are Graviton's (a `g` after the generation, as in `t4g` and `c7gn`), or
/// neither is. Mac and accelerator families have machines of their own and are never alike.
#[must_use]
pub fn same_processor(one: &str, other: &str) -> bool {
    matches!((processor(one), processor(other)), (Some(one), Some(other)) if one == other)
}

#[derive(Debug, PartialEq, Eq)]
enum Processor {
    Arm,
    X86,
}

fn processor(instance_type: &str) -> Option<Processor> {
    let family = instance_type.split('.').next()?;
    let class: String = family.chars().take_while(char::is_ascii_lowercase).collect();
    let options =
        family.trim_start_matches(|c: char| c.is_ascii_lowercase()).trim_start_matches(|c: char| c.is_ascii_digit());
    // General purpose, compute, memory, burstable, storage.
    match class.as_str() {
        "a" => Some(Processor::Arm),
        "c" | "m" | "r" | "t" | "i" | "d" | "x" | "z" | "im" | "is" => {
            Some(if options.starts_with('g') { Processor::Arm } else { Processor::X86 })
        }
        _ => None,
    }
}

/// How near a type is to another, the nearest first: the same class (`t`), then by name.
pub(super) fn nearness<'a>(to: &str, one: &'a str) -> (bool, &'a str) {
    let class = |name: &str| name.chars().next();
    (class(to) != class(one), one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_alike_by_processor() {
        for (one, other, alike) in [
            ("t4g.micro", "t3.micro", false),
            ("t4g.micro", "c7gn.medium", true),
            ("t3.micro", "t3a.micro", true),
            ("t3.micro", "g4dn.xlarge", false),
            ("a1.medium", "m6g.medium", true),
            ("mac2.metal", "mac2.metal", false),
            ("m7i-flex.large", "c6in.large", true),
        ] {
            assert_eq!(same_processor(one, other), alike, "{one} {other}");
        }
        assert_eq!(pattern_of_siblings("t4g.micro").as_deref(), Some("*.micro"));
    }
}
