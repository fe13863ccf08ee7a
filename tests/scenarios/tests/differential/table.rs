//! The differences that are known.

use super::judged::{Judged, Right};

pub(crate) const JUDGED: &[Judged] = &[];

pub(crate) const NOT_COMPARED: &[(&str, &str)] = &[];
