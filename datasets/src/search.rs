//! Where known sets are looked for on this machine.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

/// The variable that names the folder with the sets.
pub const DATA_DIR: &str = "LIC_DATA_DIR";

/// Where to look for known sets: in a folder that the user named, in that of the environment, in the user's cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// The folder of `--data-dir`, which holds a folder for each set.
    pub data_dir: Option<PathBuf>,
}

impl Search {
    /// The folders in which a set is looked for, the first that exists counts; [`crate::fetch()`] writes to the first.
    pub fn places(&self, set: &str) -> Vec<PathBuf> {
        let environment = std::env::var_os(DATA_DIR).filter(|value| !value.is_empty()).map(PathBuf::from);
        places(set, self.data_dir.as_deref(), environment.as_deref(), user_cache().as_deref())
    }
}

/// The folder for what lic keeps for this user (on Linux `~/.cache/lic`); `None` if the user has no home.
pub fn user_cache() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|folders| folders.cache_dir().join("lic"))
}

fn places(set: &str, named: Option<&Path>, environment: Option<&Path>, cache: Option<&Path>) -> Vec<PathBuf> {
    let cache = cache.map(|folder| folder.join("datasets"));
    let folders = named.map(Path::to_owned).into_iter().chain(environment.map(Path::to_owned)).chain(cache);
    folders.map(|folder| folder.join(set)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_folder_comes_before_the_environment_and_the_cache() {
        let found = places("kodak", Some(Path::new("a")), Some(Path::new("b")), Some(Path::new("c")));
        assert_eq!(
            found,
            [
                ["a", "kodak"].iter().collect(),
                ["b", "kodak"].iter().collect::<PathBuf>(),
                ["c", "datasets", "kodak"].iter().collect()
            ]
        );
    }

    #[test]
    fn what_is_not_there_is_not_searched() {
        assert_eq!(places("x", None, None, Some(Path::new("c"))).len(), 1);
        assert!(places("x", None, None, None).is_empty());
    }
}
