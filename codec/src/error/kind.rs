//! [`ErrorKind`]: what a program does about an [`Error`], which has more to say to people.

use super::Error;

/// Who or what has to change before it can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are no `.lic` file.
    NotLic,
    /// The file is cut off, was changed, or its writer is wrong.
    Damaged,
    /// The file needs a newer release.
    Unsupported,
    /// The file was made with another model.
    OtherModel,
    /// The file is beyond the application's [`crate::Limits`].
    Limit,
    /// There is not enough memory.
    Memory,
    /// The call makes no sense: a picture, an option, a region.
    Caller,
    /// The loaded model's weights are unusable, or there are none.
    Model,
    /// Reading or writing failed in the operating system.
    Io,
    /// The device cannot be used, or has failed.
    Device,
    /// The caller's watch has ended the work.
    Cancelled,
}

impl Error {
    /// What kind of error this is, also of what is wrong in the alpha section.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Alpha(error) => error.kind(),
            Self::NotLic { .. } => ErrorKind::NotLic,
            Self::Truncated { .. }
            | Self::Checksum { .. }
            | Self::InvalidHeader { .. }
            | Self::ImplausibleSize { .. }
            | Self::InvalidSection { .. }
            | Self::InvalidLength { .. }
            | Self::TileTooShort { .. }
            | Self::InvalidTile { .. }
            | Self::InvalidAlphaTile { .. }
            | Self::TileCutsWindows { .. }
            | Self::TrailingGarbage { .. } => ErrorKind::Damaged,
            Self::UnsupportedVersion { .. } | Self::UnsupportedFeature { .. } | Self::UnknownCriticalSection { .. } => {
                ErrorKind::Unsupported
            }
            Self::WrongParseId { .. } => ErrorKind::OtherModel,
            Self::LimitExceeded { .. } => ErrorKind::Limit,
            Self::OutOfMemory { .. } => ErrorKind::Memory,
            Self::InvalidMetadata { .. }
            | Self::InvalidInput { .. }
            | Self::InvalidOption { .. }
            | Self::NoSearch(_)
            | Self::RegionOutside { .. }
            | Self::FailedBefore => ErrorKind::Caller,
            Self::InvalidTables(_) | Self::Model(_) => ErrorKind::Model,
            Self::Io(_) => ErrorKind::Io,
            Self::Device(_) | Self::Prior(_) => ErrorKind::Device,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_the_alpha_section_is_of_its_own_kind() {
        let inner = Error::LimitExceeded { limit: "max_bytes", found: 2, allowed: 1 };
        assert_eq!(inner.in_alpha().kind(), ErrorKind::Limit);
    }
}
