//! What people may do.

crate::text_enum! {
    /// What a person may do.
    pub enum Role {
        /// Everything, people included.
        Owner = "owner",
        /// Everything but people.
        Technician = "technician",
        /// Look at everything of the firm, change nothing.
        ReadOnly = "read_only",
        /// Look at the own page of one practice.
        PracticeViewer = "practice_viewer",
    }
}
