//! What stands in a folder where a file should: folders, pipes and links, some of which lead out of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::case::{Cost, End, SINGLE, entry, open_model, tensor_file};
use crate::index::INDEX;

use End::{Read, Refused};

/// A model folder `model` with nothing in it, beside a folder `other` with a model of one file and one of a shard.
fn folders() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let file = tensor_file(format!("{{{}}}", entry("a", "U8", "[1]", "[0,1]")), 1);
    fs::create_dir(root.path().join("model")).unwrap();
    let other = root.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join(SINGLE), &file).unwrap();
    fs::write(other.join("x.safetensors"), &file).unwrap();
    fs::write(other.join(INDEX), r#"{"weight_map":{"a":"x.safetensors"}}"#).unwrap();
    root
}

fn place_index(dir: &Path) {
    fs::copy(dir.join("../other").join(INDEX), dir.join(INDEX)).unwrap();
}

fn link(target: &str, dir: &Path, name: &str) {
    symlink(target, dir.join(name)).unwrap();
}

/// What it is, what puts it into the folder, and how opening the folder ends.
type Case = (&'static str, fn(&Path), End);

#[test]
fn what_is_no_file_of_the_folder_is_refused() {
    let cases: Vec<Case> = vec![
        (
            "nothing",
            |_| (),
            Refused("has neither `model.safetensors` nor"),
        ),
        (
            "a folder as the file",
            |dir| fs::create_dir(dir.join(SINGLE)).unwrap(),
            Refused("model.safetensors` is not a regular file"),
        ),
        (
            "a folder as the index",
            |dir| fs::create_dir(dir.join(INDEX)).unwrap(),
            Refused("index.json` is not a regular file"),
        ),
        (
            "a link out",
            |dir| link("../other/model.safetensors", dir, SINGLE),
            Refused("model.safetensors` is a link that leads out of its folder, to `"),
        ),
        (
            "a link to a device",
            |dir| link("/dev/zero", dir, SINGLE),
            Refused("leads out of its folder, to `/dev/zero`"),
        ),
        (
            "a link to nothing",
            |dir| link("nothing", dir, SINGLE),
            Refused("is a link to `nothing`, which is not there"),
        ),
        (
            "a link to nothing beside an index",
            |dir| {
                link("nothing", dir, SINGLE);
                place_index(dir);
            },
            Refused("is a link to `nothing`, which is not there"),
        ),
        (
            "a link to itself",
            |dir| link(SINGLE, dir, SINGLE),
            Refused("failed to read `"),
        ),
        (
            "an index that is a link out",
            |dir| link("../other/model.safetensors.index.json", dir, INDEX),
            Refused("index.json` is a link that leads out of its folder"),
        ),
        (
            "a shard that is a link out",
            |dir| {
                place_index(dir);
                link("../other/x.safetensors", dir, "x.safetensors");
            },
            Refused("x.safetensors` is a link that leads out of its folder"),
        ),
        (
            "a shard that is a folder",
            |dir| {
                place_index(dir);
                fs::create_dir(dir.join("x.safetensors")).unwrap();
            },
            Refused("x.safetensors` is not a regular file"),
        ),
        (
            "a link in the folder",
            |dir| {
                fs::copy(dir.join("../other").join(SINGLE), dir.join("weights")).unwrap();
                link("weights", dir, SINGLE);
            },
            Read,
        ),
    ];
    let mut cost = Cost::default();
    for (name, place, end) in cases {
        let root = folders();
        let dir = root.path().join("model");
        place(&dir);
        open_model(&mut cost, name, 0, end, &dir);
    }
    cost.report("hostile_folders");
}

#[cfg(target_os = "linux")]
#[test]
fn nobody_waits_at_a_named_pipe() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let mut cost = Cost::default();
    for name in [SINGLE, INDEX] {
        let root = folders();
        let dir = root.path().join("model");
        mknodat(CWD, dir.join(name), FileType::Fifo, Mode::RWXU, 0).unwrap();
        open_model(&mut cost, name, 0, Refused("is not a regular file"), &dir);
    }
}

/// As `huggingface_hub` lays out what it downloads: every file of a revision is a link to its content.
#[test]
fn a_cache_of_links_to_blobs_is_read() {
    let root = folders();
    let other = root.path().join("other");
    let cache = root.path().join("models--a--b");
    let mut cost = Cost::default();
    for (revision, files) in [("one", vec![SINGLE]), ("two", vec![INDEX, "x.safetensors"])] {
        let snapshot = cache.join("snapshots").join(revision);
        fs::create_dir_all(&snapshot).unwrap();
        fs::create_dir_all(cache.join("blobs")).unwrap();
        for file in files {
            let hash = format!("hash-of-{file}");
            fs::copy(other.join(file), cache.join("blobs").join(&hash)).unwrap();
            symlink(format!("../../blobs/{hash}"), snapshot.join(file)).unwrap();
        }
        open_model(&mut cost, revision, 0, Read, &snapshot);
        // A folder may be named by a link, as `refs` and people do.
        symlink(&snapshot, root.path().join(revision)).unwrap();
        open_model(&mut cost, revision, 0, Read, &root.path().join(revision));
    }
}
