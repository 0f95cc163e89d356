//! Secrets at rest, by Windows' own data protection (DPAPI), so that a disk that is read elsewhere gives no key away. The
//! scope is the machine, because an administrator enrols and the service reads; the folder's access list does the rest.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_LOCAL_MACHINE, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData, CryptUnprotectData,
};

use super::text::check;

/// Makes a secret readable on this machine alone.
pub(crate) fn seal(secret: &[u8]) -> io::Result<Vec<u8>> {
    let given = blob(secret);
    let mut sealed = CRYPT_INTEGER_BLOB {
        cbData: 0,
        pbData: ptr::null_mut(),
    };
    // SAFETY: `given` describes `secret`, which outlives the call; the answer is freed by `take`.
    check(unsafe {
        CryptProtectData(
            &raw const given,
            ptr::null(),
            ptr::null(),
            ptr::null(),
            ptr::null(),
            CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN,
            &raw mut sealed,
        )
    })?;
    Ok(take(&sealed))
}

/// Reads a secret that was sealed on this machine.
pub(crate) fn unseal(sealed: &[u8]) -> io::Result<Vec<u8>> {
    let given = blob(sealed);
    let mut secret = CRYPT_INTEGER_BLOB {
        cbData: 0,
        pbData: ptr::null_mut(),
    };
    // SAFETY: `given` describes `sealed`, which outlives the call; the answer is freed by `take`.
    check(unsafe {
        CryptUnprotectData(
            &raw const given,
            ptr::null_mut(),
            ptr::null(),
            ptr::null(),
            ptr::null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &raw mut secret,
        )
    })?;
    Ok(take(&secret))
}

/// The interface takes a pointer that it could write through and does not.
fn blob(bytes: &[u8]) -> CRYPT_INTEGER_BLOB {
    CRYPT_INTEGER_BLOB {
        cbData: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        pbData: bytes.as_ptr().cast_mut(),
    }
}

fn take(answer: &CRYPT_INTEGER_BLOB) -> Vec<u8> {
    if answer.pbData.is_null() {
        return Vec::new();
    }
    let length = usize::try_from(answer.cbData).unwrap_or_default();
    // SAFETY: Windows allocated so many bytes there, and nobody else knows of them.
    let bytes = unsafe { std::slice::from_raw_parts_mut(answer.pbData, length) };
    let kept = bytes.to_vec();
    bytes.fill(0);
    // SAFETY: it came from the call above and is freed once.
    unsafe { LocalFree(answer.pbData.cast()) };
    kept
}
