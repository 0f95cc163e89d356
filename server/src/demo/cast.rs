//! Who is in the demo: Northwind IT, its 24 practices, what each backs up, and what is the matter with a few of them.

use lastgood_protocol::DestinationKind;

/// The firm.
pub(super) const FIRM: &str = "Northwind IT";

/// The practice with the real agent and the viewer's login.
pub(super) const HARBOR: &str = "Harbor Counseling";

/// A practice and its one office.
#[derive(Debug)]
pub(super) struct Practice {
    pub(super) name: &'static str,
    pub(super) office: &'static str,
    pub(super) zone: &'static str,
    /// The machine its agent is on.
    pub(super) machine: &'static str,
    /// The medium sets it rotates; empty when its backups go elsewhere.
    pub(super) sets: &'static [&'static str],
    pub(super) jobs: &'static [Job],
    pub(super) story: Story,
}

/// A backup job.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) tool: &'static str,
    pub(super) version: &'static str,
    pub(super) destination: DestinationKind,
    pub(super) cron: &'static str,
    /// What it looks at, in megabytes, when the history begins.
    pub(super) megabytes: i64,
    /// How long it takes.
    pub(super) minutes: i64,
}

/// What is the matter with a practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// Nothing.
    Well,
    /// Its last night is missing, though its agent is there.
    MissedLastNight,
    /// Its last run failed.
    FailedLastNight,
    /// Its agent has not been heard from for two days.
    Silent,
    /// Every few nights its first job fails.
    Flapping,
    /// Its tool complains about something now and then, the last time last night.
    Warnings,
    /// The disk was not changed after the night before last.
    SameMedium,
    /// Its last practised restore is too long ago.
    DrillOverdue,
    /// Its last practised restore failed.
    DrillFailed,
}

const NIGHTLY_DISK: Job = Job {
    key: "nightly",
    name: "Practice files to disk",
    tool: "restic",
    version: "0.16.4",
    destination: DestinationKind::Medium,
    cron: "0 22 * * *",
    megabytes: 38_000,
    minutes: 24,
};

const SERVER_IMAGE: Job = Job {
    key: "server-image",
    name: "Windows Server Backup, system state",
    tool: "wbadmin",
    version: "10.0.20348",
    destination: DestinationKind::Disk,
    cron: "30 1 * * 2-6",
    megabytes: 96_000,
    minutes: 71,
};

const OFF_SITE: Job = Job {
    key: "off-site",
    name: "Practice files to the vault",
    tool: "borg",
    version: "1.2.8",
    destination: DestinationKind::Vendor,
    cron: "15 3 * * *",
    megabytes: 41_000,
    minutes: 35,
};

const DATABASE: Job = Job {
    key: "database",
    name: "Practice database",
    tool: "restic",
    version: "0.16.4",
    destination: DestinationKind::Medium,
    cron: "30 19 * * 1-5",
    megabytes: 6_200,
    minutes: 6,
};

const SCHEDULING: Job = Job {
    key: "scheduling",
    name: "Scheduling program, full copy",
    tool: "command",
    version: "",
    destination: DestinationKind::Disk,
    cron: "0 0 * * *",
    megabytes: 2_900,
    minutes: 4,
};

const WEEK: &[&str] = &[
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const FIVE: &[&str] = &["Disk 1", "Disk 2", "Disk 3", "Disk 4", "Disk 5"];

const fn practice(name: &'static str, zone: &'static str, machine: &'static str, jobs: &'static [Job]) -> Practice {
    Practice {
        name,
        office: "Main office",
        zone,
        machine,
        sets: WEEK,
        jobs,
        story: Story::Well,
    }
}

const fn with(story: Story, practice: Practice) -> Practice {
    Practice { story, ..practice }
}

const fn rotating(sets: &'static [&'static str], practice: Practice) -> Practice {
    Practice { sets, ..practice }
}

const fn at(office: &'static str, practice: Practice) -> Practice {
    Practice { office, ..practice }
}

/// The practices, in the order in which they came to the firm.
pub(super) const PRACTICES: [Practice; 24] = [
    practice(HARBOR, "America/New_York", "harbor-srv", &[NIGHTLY_DISK]),
    with(
        Story::MissedLastNight,
        practice(
            "Lakeside Family Practice",
            "America/Chicago",
            "lakeside-dc",
            &[NIGHTLY_DISK, OFF_SITE],
        ),
    ),
    practice(
        "Mesa Verde Pediatrics",
        "America/Phoenix",
        "mesaverde",
        &[NIGHTLY_DISK, SERVER_IMAGE],
    ),
    rotating(
        FIVE,
        practice(
            "Aloha Physical Therapy",
            "Pacific/Honolulu",
            "aloha-files",
            &[NIGHTLY_DISK],
        ),
    ),
    with(
        Story::Flapping,
        practice(
            "Cedar Grove Psychiatry",
            "America/New_York",
            "cedar-sv1",
            &[SERVER_IMAGE, NIGHTLY_DISK],
        ),
    ),
    with(
        Story::Silent,
        practice(
            "Pine Street Dental",
            "America/Los_Angeles",
            "pinestreet",
            &[NIGHTLY_DISK, DATABASE],
        ),
    ),
    practice(
        "Granite State Dermatology",
        "America/New_York",
        "granite-app",
        &[DATABASE, OFF_SITE],
    ),
    with(
        Story::Warnings,
        practice(
            "Blue Ridge Behavioral Health",
            "America/New_York",
            "blueridge",
            &[NIGHTLY_DISK],
        ),
    ),
    practice(
        "Prairie Wind Family Medicine",
        "America/Chicago",
        "prairie-srv",
        &[NIGHTLY_DISK],
    ),
    practice("High Plains Counseling", "America/Denver", "highplains", &[DATABASE]),
    with(
        Story::SameMedium,
        rotating(
            FIVE,
            practice(
                "Desert Bloom Women's Health",
                "America/Phoenix",
                "desertbloom",
                &[NIGHTLY_DISK],
            ),
        ),
    ),
    practice(
        "Cascade Eye Clinic",
        "America/Los_Angeles",
        "cascade-img",
        &[NIGHTLY_DISK, OFF_SITE],
    ),
    practice(
        "Bayou Mental Health",
        "America/Chicago",
        "bayou-1",
        &[DATABASE, SCHEDULING],
    ),
    with(
        Story::FailedLastNight,
        practice("Riverbend Podiatry", "America/Chicago", "riverbend", &[NIGHTLY_DISK]),
    ),
    practice(
        "Summit Orthopedics",
        "America/Denver",
        "summit-pacs",
        &[NIGHTLY_DISK, SERVER_IMAGE],
    ),
    rotating(
        FIVE,
        practice(
            "Kodiak Community Clinic",
            "America/Anchorage",
            "kodiak",
            &[NIGHTLY_DISK],
        ),
    ),
    practice("Maple Leaf Pediatrics", "America/Detroit", "mapleleaf", &[NIGHTLY_DISK]),
    practice(
        "Wabash Valley Therapy",
        "America/Indiana/Indianapolis",
        "wabash",
        &[DATABASE],
    ),
    at(
        "Old Town Square",
        practice("Old Town Chiropractic", "America/New_York", "oldtown", &[NIGHTLY_DISK]),
    ),
    with(
        Story::DrillFailed,
        practice(
            "Sunrise Speech and Language",
            "America/New_York",
            "sunrise",
            &[NIGHTLY_DISK],
        ),
    ),
    with(
        Story::DrillOverdue,
        practice(
            "Tidewater Internal Medicine",
            "America/New_York",
            "tidewater",
            &[NIGHTLY_DISK, OFF_SITE],
        ),
    ),
    rotating(
        FIVE,
        practice("Redwood Family Therapy", "America/Los_Angeles", "redwood", &[DATABASE]),
    ),
    at(
        "Bozeman",
        practice("Big Sky Allergy", "America/Denver", "bigsky-boz", &[NIGHTLY_DISK]),
    ),
    practice(
        "Gulf Coast Sleep Center",
        "America/Chicago",
        "gulfcoast",
        &[NIGHTLY_DISK, SCHEDULING],
    ),
];
