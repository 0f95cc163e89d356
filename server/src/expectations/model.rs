//! The states of a slot.

crate::text_enum! {
    /// What became of a slot.
    pub enum SlotState {
        /// Its time has not come.
        Waiting = "waiting",
        /// A run has begun and is within its time.
        Running = "running",
        /// Filled by a run or drill that went well.
        Ok = "ok",
        /// Filled by one that complained.
        Warning = "warning",
        /// Filled by one that failed.
        Failed = "failed",
        /// Nothing yet, within the time allowed.
        Late = "late",
        /// Nothing came.
        Missed = "missed",
        /// A run has begun and takes longer than it may.
        Overrun = "overrun",
        /// Not wanted, by whom and why: never a success.
        Excused = "excused",
        /// We were down when it was to be judged, and reports may still come.
        NotMonitored = "not_monitored",
        /// Its agent is silent: it cannot be judged.
        Unknown = "unknown",
    }
}
