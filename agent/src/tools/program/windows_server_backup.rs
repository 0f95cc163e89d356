//! Windows Server Backup started by `wbadmin start backup`: Microsoft Learn, "wbadmin". It ends with 0 or not 0; what it made, and
//! whether that was a full backup, stands in the event log. Its text is not read: what users
//! published of it comes without the exit code.

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::{Verdict, claim};
use crate::exec::Ended;

pub(super) fn read(ended: &Ended) -> Verdict {
    if ended.code != 0 {
        return Verdict::new(
            Outcome::Failed,
            Some("Windows Server Backup could not make the backup."),
        );
    }
    let mut verdict = Verdict::new(Outcome::Ok, None);
    verdict.facts.compressed = Some(claim(false, Knowledge::Configured, Basis::ToolNature));
    verdict.facts.encrypted = Some(claim(false, Knowledge::Configured, Basis::ToolNature));
    verdict
}
