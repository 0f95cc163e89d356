//! What kind of disk a volume is on, as the kernel tells it in /sys: below a logical volume or an encrypted one stand the
//! disks it is made of.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use lastgood_protocol::Encryption;
use rustix::fs::{major, minor};

use crate::platform::{Nature, Volume};

/// How many layers stand on each other at most: encryption on a logical volume on a RAID is three.
const MOST_LAYERS: u32 = 8;

/// Whether a volume is on a disk that is taken out, and what encrypts it.
pub(crate) fn nature(volume: &Volume) -> Nature {
    // btrfs gives its files a device of their own; the mounted one is the disk's.
    let of_source = fs::metadata(&volume.source).ok().map(|status| status.rdev());
    let of_root = || fs::metadata(&volume.root).ok().map(|status| status.dev());
    let device = of_source.filter(|device| major(*device) != 0).or_else(of_root);
    device.map_or_else(Nature::default, |device| in_tree(Path::new("/sys"), device))
}

fn in_tree(sys: &Path, device: u64) -> Nature {
    let link = sys.join(format!("dev/block/{}:{}", major(device), minor(device)));
    link.canonicalize()
        .map_or_else(|_| Nature::default(), |folder| of_device(&folder, MOST_LAYERS))
}

/// `folder` is a block device's own in /sys, without links.
fn of_device(folder: &Path, layers: u32) -> Nature {
    let is_part = folder.join("partition").exists();
    let disk = folder.parent().filter(|_| is_part).unwrap_or(folder);
    let below = slaves(disk);
    let mut nature = if layers == 0 {
        Nature::default()
    } else if below.is_empty() {
        of_disk(disk)
    } else {
        let below: Vec<Nature> = below.iter().map(|disk| of_device(disk, layers - 1)).collect();
        together(&below)
    };
    let uuid = fs::read_to_string(disk.join("dm/uuid")).unwrap_or_default();
    if let Some(encryption) = of_mapping(uuid.trim()) {
        nature.encryption = Some(encryption);
    }
    nature
}

fn slaves(disk: &Path) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(disk.join("slaves")) else {
        return Vec::new();
    };
    folder
        .filter_map(|entry| entry.ok()?.path().canonicalize().ok())
        .collect()
}

/// A disk that stands on no other. What a virtual one is kept on (a file, a server) is not known.
fn of_disk(disk: &Path) -> Nature {
    let parts: Vec<&str> = disk.iter().filter_map(|part| part.to_str()).collect();
    if parts.windows(2).any(|pair| pair == ["devices", "virtual"]) {
        return Nature::default();
    }
    // The buses that lsblk(8) takes for hot-pluggable, too.
    let is_bus = |part: &str, bus: &str| {
        let number = part.strip_prefix(bus).unwrap_or_default();
        !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
    };
    let is_plugged = parts
        .iter()
        .any(|part| is_bus(part, "usb") || is_bus(part, "fw") || *part == "mmc_host");
    let says = fs::read_to_string(disk.join("removable")).ok();
    let says = match says.as_deref().map(str::trim) {
        Some("1") => Some(true),
        Some("0") => Some(false),
        Some(_) | None => None,
    };
    let removable = if is_plugged { Some(true) } else { says };
    Nature {
        removable,
        encryption: Some(Encryption::Unencrypted),
    }
}

/// One that can be taken out makes the whole so; the whole is encrypted when each part is.
fn together(parts: &[Nature]) -> Nature {
    let removable = parts.iter().map(|part| part.removable);
    let removable = removable.reduce(|one, other| match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        (None, _) | (_, None) => None,
    });
    let encryption = parts.iter().map(|part| part.encryption);
    let encryption = encryption.reduce(|one, other| match (one, other) {
        (Some(Encryption::Unencrypted), _) | (_, Some(Encryption::Unencrypted)) => Some(Encryption::Unencrypted),
        (Some(known), Some(_)) => Some(known),
        (None, _) | (_, None) => None,
    });
    Nature {
        removable: removable.flatten(),
        encryption: encryption.flatten(),
    }
}

/// cryptsetup begins the identity of what it maps with `CRYPT-` and the format.
fn of_mapping(uuid: &str) -> Option<Encryption> {
    let format = uuid.strip_prefix("CRYPT-")?;
    Some(if format.starts_with("LUKS") {
        Encryption::Luks
    } else if format.starts_with("BITLK") {
        Encryption::BitLocker
    } else {
        Encryption::Other
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use lastgood_protocol::Encryption;
    use rustix::fs::makedev;

    use super::in_tree;
    use crate::platform::Nature;

    /// A device: its number, its folder below `devices`, and what files there say.
    type Device<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

    /// A tree such as /sys.
    struct Tree(tempfile::TempDir);

    impl Tree {
        fn of(devices: &[Device<'_>]) -> Self {
            let tree = tempfile::tempdir().expect("a folder");
            fs::create_dir_all(tree.path().join("dev/block")).expect("writable");
            for (number, folder, files) in devices {
                let folder = tree.path().join("devices").join(folder);
                fs::create_dir_all(&folder).expect("writable");
                for (name, content) in *files {
                    let file = folder.join(name);
                    fs::create_dir_all(file.parent().expect("a folder")).expect("writable");
                    fs::write(file, format!("{content}\n")).expect("writable");
                }
                symlink(&folder, tree.path().join("dev/block").join(number)).expect("writable");
            }
            Self(tree)
        }

        /// One device stands on another.
        fn on(self, upper: &str, lower: &str) -> Self {
            let devices = self.0.path().join("devices");
            let slaves = devices.join(upper).join("slaves");
            fs::create_dir_all(&slaves).expect("writable");
            let name = Path::new(lower).file_name().expect("a name");
            symlink(devices.join(lower), slaves.join(name)).expect("writable");
            self
        }

        fn nature(&self, major: u32, minor: u32) -> (Option<bool>, Option<Encryption>) {
            let Nature { removable, encryption } = in_tree(self.0.path(), makedev(major, minor));
            (removable, encryption)
        }
    }

    const USB_DISK: &str = "pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb";
    const SATA_DISK: &str = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda";

    #[test]
    fn a_partition_is_what_its_disk_is() {
        let tree = Tree::of(&[
            ("8:16", USB_DISK, &[("removable", "0")]),
            ("8:17", &format!("{USB_DISK}/sdb1"), &[("partition", "1")]),
            ("8:0", SATA_DISK, &[("removable", "0")]),
            ("8:1", &format!("{SATA_DISK}/sda1"), &[("partition", "1")]),
            ("11:0", "pci0000:00/ata2/host1/block/sr0", &[("removable", "1")]),
            ("7:0", "virtual/block/loop0", &[("removable", "0")]),
        ]);
        let plain = Some(Encryption::Unencrypted);
        assert_eq!(tree.nature(8, 17), (Some(true), plain), "USB, whatever it says of itself");
        assert_eq!(tree.nature(8, 1), (Some(false), plain));
        assert_eq!(tree.nature(11, 0), (Some(true), plain));
        assert_eq!(tree.nature(7, 0), (None, None), "nobody knows on what its file lies");
        assert_eq!(tree.nature(9, 9), (None, None), "not there");
    }

    #[test]
    fn encryption_is_found_below_a_logical_volume_and_above_a_partition() {
        let part = format!("{USB_DISK}/sdb1");
        let other = format!("{SATA_DISK}/sda2");
        let luks = ("dm/uuid", "CRYPT-LUKS2-0123456789abcdef-backup");
        let tree = Tree::of(&[
            ("8:16", USB_DISK, &[("removable", "0")]),
            ("8:17", &part, &[("partition", "1")]),
            ("8:0", SATA_DISK, &[("removable", "0")]),
            ("8:2", &other, &[("partition", "2")]),
            ("253:0", "virtual/block/dm-0", &[luks]),
            ("253:1", "virtual/block/dm-1", &[("dm/uuid", "LVM-abc")]),
            ("253:2", "virtual/block/dm-2", &[("dm/uuid", "LVM-def")]),
            ("253:3", "virtual/block/dm-3", &[("dm/uuid", "CRYPT-BITLK-0-x")]),
            ("253:4", "virtual/block/dm-4", &[("dm/uuid", "CRYPT-PLAIN-x")]),
        ])
        .on("virtual/block/dm-0", &part)
        .on("virtual/block/dm-1", "virtual/block/dm-0")
        .on("virtual/block/dm-2", "virtual/block/dm-0")
        .on("virtual/block/dm-2", &other)
        .on("virtual/block/dm-3", &other)
        .on("virtual/block/dm-4", &other);
        assert_eq!(tree.nature(253, 0), (Some(true), Some(Encryption::Luks)));
        assert_eq!(
            tree.nature(253, 1),
            (Some(true), Some(Encryption::Luks)),
            "LVM over LUKS"
        );
        assert_eq!(
            tree.nature(253, 2),
            (Some(true), Some(Encryption::Unencrypted)),
            "half of it lies open"
        );
        assert_eq!(tree.nature(253, 3), (Some(false), Some(Encryption::BitLocker)));
        assert_eq!(tree.nature(253, 4), (Some(false), Some(Encryption::Other)));
    }
}
