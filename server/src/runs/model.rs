//! What a run is.

crate::text_enum! {
    /// How a run ended.
    pub enum Outcome {
        /// Everything that was to be backed up is.
        Ok = "ok",
        /// A backup was made, and the tool complained.
        Warning = "warning",
        /// No usable backup was made.
        Failed = "failed",
    }
}
