//! Who may read and change a file: the access list must give nothing to anybody but administrators, the system and the
//! user the agent runs as.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::io;
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_ALREADY_EXISTS, GENERIC_ALL, GENERIC_READ, GENERIC_WRITE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, ConvertStringSidToSidW, GetNamedSecurityInfoW,
    SDDL_REVISION_1, SE_FILE_OBJECT, SetNamedSecurityInfoW,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, EqualSid, GetAce, GetSecurityDescriptorDacl,
    GetTokenInformation, INHERIT_ONLY_ACE, IsWellKnownSid, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER,
    TokenUser, WinBuiltinAdministratorsSid, WinCreatorOwnerRightsSid, WinLocalSystemSid,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, DELETE, FILE_APPEND_DATA, FILE_DELETE_CHILD, FILE_READ_DATA, FILE_WRITE_DATA, WRITE_DAC,
    WRITE_OWNER,
};
use windows_sys::Win32::System::SystemServices::{
    ACCESS_ALLOWED_ACE_TYPE, ACCESS_ALLOWED_CALLBACK_ACE_TYPE, ACCESS_ALLOWED_CALLBACK_OBJECT_ACE_TYPE,
    ACCESS_ALLOWED_OBJECT_ACE_TYPE,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::text::{check, check_code, is_code, wide, wide_path};

/// Taking a thing over, after which everything else can be done to it.
const TAKE_OVER: u32 = WRITE_DAC | WRITE_OWNER | GENERIC_ALL;

/// Changing a file, or putting another in its place.
const CHANGE_FILE: u32 = TAKE_OVER | GENERIC_WRITE | FILE_WRITE_DATA | FILE_APPEND_DATA | DELETE;

/// Removing or renaming what is in a folder, or the folder itself. To add a file to it changes none that is there.
const CHANGE_FOLDER: u32 = TAKE_OVER | FILE_DELETE_CHILD | DELETE;

/// Reading a file.
const READ_FILE: u32 = TAKE_OVER | GENERIC_READ | FILE_READ_DATA;

/// Everything for the system and for administrators, inherited by what is made inside, nothing from above, nobody else.
const PRIVATE: &str = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

/// Owns what Windows itself installed.
const TRUSTED_INSTALLER: &str = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

/// Whether somebody other than an administrator, the system and the user the agent runs as can change this file or swap
/// it for another.
pub(crate) fn others_can_write(path: &Path) -> io::Result<bool> {
    let whole = path.canonicalize()?;
    let folder = whole.parent().unwrap_or(&whole);
    Ok(others_may(&whole, CHANGE_FILE)? || others_may(folder, CHANGE_FOLDER)?)
}

/// Whether somebody other than those can read it.
pub(crate) fn others_can_read(path: &Path) -> io::Result<bool> {
    others_may(path, READ_FILE)
}

/// Creates a folder and its parents, for administrators and the system only. One that is there must be theirs already:
/// in `C:\ProgramData` every user may make folders, and with them traps.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return refuse_loose(path);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.is_dir()) {
        create_private_folder(parent)?;
    }
    let name = wide_path(path)?;
    let private = Descriptor::parse(PRIVATE)?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or_default(),
        lpSecurityDescriptor: private.0,
        bInheritHandle: 0,
    };
    // SAFETY: the name ends in a zero, and the descriptor lives until the call is over.
    match check(unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) }) {
        Err(error) if is_code(&error, ERROR_ALREADY_EXISTS) => refuse_loose(path),
        other => other,
    }
}

fn refuse_loose(path: &Path) -> io::Result<()> {
    if others_may(path, CHANGE_FOLDER | FILE_WRITE_DATA)? {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others than administrators can change what is in it; as administrator, run: lastgood-agent service configure",
        ));
    }
    Ok(())
}

/// Gives a folder that is there to administrators and the system only. One that somebody else made is not taken over: it
/// may hold what that somebody wants to be found.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return create_private_folder(path);
    }
    let name = wide_path(path)?;
    let (found, owner, _) = Descriptor::of(&name)?;
    let own = Sid::own()?;
    let is_ours = is_trusted(owner, &own)?;
    drop(found);
    if !is_ours {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to somebody who is no administrator; look at what is in it, remove it and try again",
        ));
    }
    let private = Descriptor::parse(PRIVATE)?;
    let (mut present, mut list, mut defaulted) = (0, ptr::null_mut(), 0);
    // SAFETY: the descriptor was just made by Windows, and the three answers are written to.
    check(unsafe { GetSecurityDescriptorDacl(private.0, &raw mut present, &raw mut list, &raw mut defaulted) })?;
    // SAFETY: the name ends in a zero, and the list lives in `private`.
    check_code(unsafe {
        SetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
            ptr::null_mut(),
            ptr::null_mut(),
            list,
            ptr::null(),
        )
    })
}

fn others_may(path: &Path, rights: u32) -> io::Result<bool> {
    let name = wide_path(path)?;
    let own = Sid::own()?;
    let (_descriptor, owner, list) = Descriptor::of(&name)?;
    // Whoever owns a thing can give himself any right to it. Without a list everybody may do everything.
    if !is_trusted(owner, &own)? || list.is_null() {
        return Ok(true);
    }
    // SAFETY: the list is part of the descriptor that is still held.
    let entries = u32::from(unsafe { (*list).AceCount });
    for index in 0..entries {
        let mut entry = ptr::null_mut();
        // SAFETY: the list is held, and there are more entries than `index`.
        check(unsafe { GetAce(list, index, &raw mut entry) })?;
        // SAFETY: every entry begins with this header.
        let header = unsafe { entry.cast::<ACE_HEADER>().read_unaligned() };
        if u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 {
            continue;
        }
        match u32::from(header.AceType) {
            ACCESS_ALLOWED_ACE_TYPE | ACCESS_ALLOWED_CALLBACK_ACE_TYPE => {
                let allowed = entry.cast::<ACCESS_ALLOWED_ACE>();
                // SAFETY: entries of these two kinds have this shape, the SID standing where `SidStart` is.
                let (mask, sid) = unsafe { (ptr::addr_of!((*allowed).Mask).read_unaligned(), ptr::addr_of_mut!((*allowed).SidStart)) };
                if mask & rights != 0 && !is_trusted(sid.cast(), &own)? {
                    return Ok(true);
                }
            }
            // These give rights too and have no place on a file.
            ACCESS_ALLOWED_OBJECT_ACE_TYPE | ACCESS_ALLOWED_CALLBACK_OBJECT_ACE_TYPE => return Ok(true),
            // What is denied, audited or labelled gives nobody anything.
            _ => {}
        }
    }
    Ok(false)
}

fn is_trusted(sid: PSID, own: &Sid) -> io::Result<bool> {
    let known = [WinBuiltinAdministratorsSid, WinLocalSystemSid, WinCreatorOwnerRightsSid];
    // SAFETY: `sid` is part of a descriptor that the caller holds.
    if known.iter().any(|&kind| unsafe { IsWellKnownSid(sid, kind) } != 0) {
        return Ok(true);
    }
    let installer = LocalSid::parse(TRUSTED_INSTALLER)?;
    // SAFETY: all three are whole SIDs that are held.
    Ok(unsafe { EqualSid(sid, own.pointer()) != 0 || EqualSid(sid, installer.0) != 0 })
}

/// A security descriptor that Windows allocated.
struct Descriptor(PSECURITY_DESCRIPTOR);

impl Descriptor {
    /// A thing's, with its owner and its access list, which live as long as the descriptor.
    fn of(name: &[u16]) -> io::Result<(Self, PSID, *const ACL)> {
        let (mut owner, mut list, mut descriptor) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the name ends in a zero, and the three answers are written to.
        check_code(unsafe {
            GetNamedSecurityInfoW(
                name.as_ptr(),
                SE_FILE_OBJECT,
                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                &raw mut owner,
                ptr::null_mut(),
                &raw mut list,
                ptr::null_mut(),
                &raw mut descriptor,
            )
        })?;
        Ok((Self(descriptor), owner, list))
    }

    fn parse(text: &str) -> io::Result<Self> {
        let text = wide(text);
        let mut descriptor = ptr::null_mut();
        // SAFETY: the text ends in a zero, and the answer is written to.
        check(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                ptr::null_mut(),
            )
        })?;
        Ok(Self(descriptor))
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: Windows allocated it for us, and it is freed once.
        unsafe { LocalFree(self.0) };
    }
}

struct LocalSid(PSID);

impl LocalSid {
    fn parse(text: &str) -> io::Result<Self> {
        let text = wide(text);
        let mut sid = ptr::null_mut();
        // SAFETY: the text ends in a zero, and the answer is written to.
        check(unsafe { ConvertStringSidToSidW(text.as_ptr(), &raw mut sid) })?;
        Ok(Self(sid))
    }
}

impl Drop for LocalSid {
    fn drop(&mut self) {
        // SAFETY: Windows allocated it for us, and it is freed once.
        unsafe { LocalFree(self.0) };
    }
}

/// The SID of the user this process runs as.
struct Sid(Vec<u64>);

impl Sid {
    fn own() -> io::Result<Self> {
        let mut token = ptr::null_mut();
        // SAFETY: the process's own handle needs no closing, and the token is written to.
        check(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) })?;
        // `TOKEN_USER` and the longest SID (68 bytes) behind it; 64-bit numbers, so that it is aligned.
        let mut buffer = vec![0_u64; 32];
        let mut used = 0;
        let bytes = u32::try_from(size_of_val(buffer.as_slice())).unwrap_or_default();
        // SAFETY: the buffer has as many bytes as is said.
        let read = check(unsafe {
            GetTokenInformation(token, TokenUser, buffer.as_mut_ptr().cast(), bytes, &raw mut used)
        });
        // SAFETY: it was opened above and is closed once.
        unsafe { CloseHandle(token) };
        read.map(|()| Self(buffer))
    }

    fn pointer(&self) -> PSID {
        // SAFETY: the buffer holds a `TOKEN_USER`, whose pointer points into the buffer, which does not move.
        unsafe { (*self.0.as_ptr().cast::<TOKEN_USER>()).User.Sid }
    }
}
