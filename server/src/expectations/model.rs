//! The states of a slot and of a job, and the rule that gives a slot its state.

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

crate::text_enum! {
    /// A job as lists show it: the state of its newest judged slot, or why there is none.
    pub enum JobState {
        /// Nothing is expected of it.
        NoSchedule = "no_schedule",
        /// It has a schedule and never reported a run.
        NeverReported = "never_reported",
        /// See [`SlotState::Waiting`]; it has runs, and no slot was judged yet.
        Waiting = "waiting",
        /// See [`SlotState::Running`].
        Running = "running",
        /// See [`SlotState::Ok`].
        Ok = "ok",
        /// See [`SlotState::Warning`].
        Warning = "warning",
        /// See [`SlotState::Failed`].
        Failed = "failed",
        /// See [`SlotState::Late`].
        Late = "late",
        /// See [`SlotState::Missed`].
        Missed = "missed",
        /// See [`SlotState::Overrun`].
        Overrun = "overrun",
        /// See [`SlotState::Excused`].
        Excused = "excused",
        /// See [`SlotState::NotMonitored`].
        NotMonitored = "not_monitored",
        /// See [`SlotState::Unknown`].
        Unknown = "unknown",
    }
}

crate::text_enum! {
    /// Whose rule says what becomes of a time that a change of clocks skips.
    pub enum DstPolicy {
        /// Vixie cron: it runs once, at the end of the gap.
        Cron = "cron",
        /// systemd.timer(5): it does not run.
        Systemd = "systemd",
    }
}
