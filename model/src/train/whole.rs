//! Files that appear whole: a kill or a full disk at any moment leaves what was there before, or the new file.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Writes a file by way of a temporary one beside it, with the extension `partial`.
///
/// # Errors
/// It cannot be written; then what was there before still is, and nothing is left of the temporary file.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("partial");
    let written = write_synced(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // On a full disk half a checkpoint is in the way of everything else.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    // Before it gets its name: else a power failure may leave the name without the bytes.
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_put_in_its_place_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");

        let taken = folder.path().join("channels.tsv");
        std::fs::create_dir(&taken).unwrap();
        assert!(write_whole(&taken, b"new").is_err());
        let mut names: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["channels.tsv", "checkpoint.safetensors"]);
    }
}
