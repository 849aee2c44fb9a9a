//! Error codes, the message of the thread's last error, and the barrier that turns panics into errors.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use lic_codec::{Error, ErrorKind};

/// How a call ended. Later versions may have more values.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicStatus {
    /// It did what it should.
    Ok = 0,
    /// An argument is wrong: a pointer is NULL, the stride is shorter than a row, the buffer smaller than the picture.
    Argument = 1,
    /// The data are not a .lic file.
    NotLic = 2,
    /// The file is truncated or damaged.
    Damaged = 3,
    /// The file needs a later version of this library.
    Unsupported = 4,
    /// The file was made with other weights than those in this library.
    Model = 5,
    /// Decoding would take more memory than lic_set_limit allows.
    Limit = 6,
    /// There is not enough memory.
    Memory = 7,
    /// Something is wrong in this library or in the machine.
    Internal = 8,
}

/// Why a call did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: LicStatus,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: LicStatus, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(LicStatus::Argument, message)
    }

    fn panic(payload: Box<dyn Any + Send>) -> Self {
        let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "unknown",
        };
        let failure = Self::new(LicStatus::Internal, format!("a bug in lic: {text}"));
        // Dropping what somebody has panicked with may panic again.
        std::mem::forget(payload);
        failure
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self::new(status(error), error.to_string())
    }
}

fn status(error: &Error) -> LicStatus {
    match error.kind() {
        ErrorKind::NotLic => LicStatus::NotLic,
        ErrorKind::Damaged => LicStatus::Damaged,
        ErrorKind::Unsupported => LicStatus::Unsupported,
        ErrorKind::OtherModel => LicStatus::Model,
        ErrorKind::Limit => LicStatus::Limit,
        ErrorKind::Memory => LicStatus::Memory,
        // Wrong weights, devices and arguments of our own making.
        _ => LicStatus::Internal,
    }
}

thread_local! {
    /// Of the thread's last call that failed.
    static MESSAGE: RefCell<CString> = RefCell::default();
}

fn remember(failure: Failure) {
    let message = CString::new(failure.message.replace('\0', " ")).unwrap_or_default();
    // A thread that is ending has no messages any more.
    let _ = MESSAGE.try_with(|place| place.replace(message));
}

/// The text of the thread's last error, valid until its next one.
pub(crate) fn message() -> *const c_char {
    MESSAGE.try_with(|place| place.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Runs the body of a call; whatever goes wrong in it, panics too, becomes a code and a message.
pub(crate) fn guarded(body: impl FnOnce() -> Result<(), Failure>) -> LicStatus {
    match catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(Failure::panic(payload))) {
        Ok(()) => LicStatus::Ok,
        Err(failure) => {
            let status = failure.status;
            remember(failure);
            status
        }
    }
}

/// Runs the body of a call that has no error code; it gives `otherwise` if there is nothing to give.
pub(crate) fn guarded_or<T>(otherwise: T, body: impl FnOnce() -> Option<T>) -> T {
    let mut found = None;
    guarded(|| {
        found = body();
        Ok(())
    });
    found.unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        MESSAGE.with(|message| message.borrow().to_string_lossy().into_owned())
    }

    #[test]
    fn panics_become_errors_with_their_text() {
        assert_eq!(guarded(|| panic!("of {}", "purpose")), LicStatus::Internal);
        assert_eq!(text(), "a bug in lic: of purpose");
        assert_eq!(guarded(|| std::panic::panic_any(7)), LicStatus::Internal);
        assert_eq!(text(), "a bug in lic: unknown");
        assert_eq!(guarded_or(5, || panic!("in a call without a code")), 5);
        assert_eq!(text(), "a bug in lic: in a call without a code");
    }

    #[test]
    fn every_thread_has_its_own_message_and_success_keeps_it() {
        guarded(|| Err(Failure::argument("mine\0yours")));
        std::thread::spawn(|| assert_eq!(text(), "")).join().unwrap();
        assert_eq!(guarded(|| Ok(())), LicStatus::Ok);
        assert_eq!(text(), "mine yours");
    }

    #[test]
    fn errors_of_the_alpha_plane_have_the_code_of_what_is_wrong_there() {
        let inner = Error::OutOfMemory { bytes: 9 };
        assert_eq!(Failure::from(&Error::Alpha(Box::new(inner))).status, LicStatus::Memory);
    }
}
