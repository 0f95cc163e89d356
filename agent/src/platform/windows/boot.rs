//! Telling one start of the machine from another. Windows has no such number that every edition keeps, so the agent keeps
//! one in a volatile registry key: Windows holds those in memory alone, and they are gone with the next start.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::io;
use std::ptr;

use uuid::Uuid;
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WRITE, REG_OPTION_VOLATILE, REG_SZ, RRF_RT_REG_SZ, RegCloseKey,
    RegCreateKeyExW, RegGetValueW, RegSetKeyValueW,
};

use super::text::{bytes_of, check_code, up_to_zero, wide};

/// Made anew at each start of the machine.
pub(crate) fn boot_id() -> io::Result<Uuid> {
    let key = Key::volatile(r"SOFTWARE\LastgoodAgentBoot")?;
    if let Some(known) = key.text("Id").and_then(|text| text.parse().ok()) {
        return Ok(known);
    }
    let fresh = crate::ids::uuid();
    key.keep("Id", &fresh.to_string())?;
    Ok(fresh)
}

struct Key(HKEY);

impl Key {
    fn volatile(path: &str) -> io::Result<Self> {
        let mut key = ptr::null_mut();
        let path = wide(path);
        // SAFETY: the path ends in a zero, `key` is written to, and everything left out may be.
        check_code(unsafe {
            RegCreateKeyExW(
                HKEY_LOCAL_MACHINE,
                path.as_ptr(),
                0,
                ptr::null(),
                REG_OPTION_VOLATILE,
                KEY_READ | KEY_WRITE,
                ptr::null(),
                &raw mut key,
                ptr::null_mut(),
            )
        })?;
        Ok(Self(key))
    }

    fn text(&self, name: &str) -> Option<String> {
        let mut buffer = [0_u16; 64];
        let mut bytes = bytes_of(&buffer);
        let name = wide(name);
        // SAFETY: the buffer has as many bytes as `bytes` says, and the name ends in a zero.
        let code = unsafe {
            RegGetValueW(
                self.0,
                ptr::null(),
                name.as_ptr(),
                RRF_RT_REG_SZ,
                ptr::null_mut(),
                buffer.as_mut_ptr().cast(),
                &raw mut bytes,
            )
        };
        (code == 0).then(|| up_to_zero(&buffer))
    }

    fn keep(&self, name: &str, value: &str) -> io::Result<()> {
        let (name, value) = (wide(name), wide(value));
        // SAFETY: both texts end in a zero, and the length is the value's.
        check_code(unsafe {
            RegSetKeyValueW(
                self.0,
                ptr::null(),
                name.as_ptr(),
                REG_SZ,
                value.as_ptr().cast(),
                bytes_of(&value),
            )
        })
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key was opened here and is closed once.
        unsafe { RegCloseKey(self.0) };
    }
}
