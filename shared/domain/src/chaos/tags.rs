//! Which tags of a group does the panda read?

/// What every tag of ours begins with.
pub const PREFIX: &str = "lethargic-panda:";
/// The fleet's name.
pub const FLEET: &str = "lethargic-panda:fleet";
/// `on` or `off`.
pub const CHAOS: &str = "lethargic-panda:chaos";
/// Mean work days between kills.
pub const MEAN_DAYS: &str = "lethargic-panda:mean-days";
/// Least work days between kills.
pub const MIN_DAYS: &str = "lethargic-panda:min-days";
/// Most kills on one work day.
pub const MAX_PER_DAY: &str = "lethargic-panda:max-per-day";
/// What must stay in service after a kill.
pub const MIN_HEALTHY: &str = "lethargic-panda:min-healthy";
/// When kills are allowed.
pub const WINDOW: &str = "lethargic-panda:window";
/// The zone that the windows and holidays are meant in.
pub const TIME_ZONE: &str = "lethargic-panda:time-zone";
/// Dates without kills.
pub const HOLIDAYS: &str = "lethargic-panda:holidays";
/// Who may be hit.
pub const VICTIM: &str = "lethargic-panda:victim";
/// What may be done to it.
pub const FAULTS: &str = "lethargic-panda:faults";
/// What to ask whether the site answers.
pub const URL: &str = "lethargic-panda:url";
/// Alarms that forbid a kill while they ring.
pub const STOP_ALARMS: &str = "lethargic-panda:stop-alarms";
/// Pipelines that forbid a kill while they run.
pub const PIPELINE: &str = "lethargic-panda:pipeline";

/// Every key with our prefix that a group may carry. Any other is a slip of the pen, and a slip spares the group.
pub const KNOWN: [&str; 14] = [
    FLEET,
    CHAOS,
    MEAN_DAYS,
    MIN_DAYS,
    MAX_PER_DAY,
    MIN_HEALTHY,
    WINDOW,
    TIME_ZONE,
    HOLIDAYS,
    VICTIM,
    FAULTS,
    URL,
    STOP_ALARMS,
    PIPELINE,
];
