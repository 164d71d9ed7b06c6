use std::fs;
use std::path::Path;

use crate::manifest::{ColumnEntry, Dtype, FileEntry, MANIFEST_FILE, Manifest};
use crate::permutation::mix;
use crate::testing::{VOCAB, build, units};
use crate::{ShardError, ShardSet, Split};

fn file_names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn message(dir: &Path, error: &ShardError) -> String {
    assert!(error.hint().is_some());
    error.to_string().replace(dir.to_str().unwrap(), "DIR")
}

#[test]
fn statistics_are_those_of_the_documents() {
    let dir = tempfile::tempdir().unwrap();
    let set = build(dir.path(), units());
    for split in [Split::Train, Split::Validation] {
        let names: Vec<String> = set
            .sources(split)
            .into_iter()
            .map(|stats| stats.name)
            .collect();
        assert_eq!(names, ["law", "news"]);
        for stats in set.sources(split) {
            let all = units();
            let documents = all
                .iter()
                .filter(|unit| unit.1 == stats.name)
                .flat_map(|unit| &unit.2);
            let documents: Vec<_> = documents
                .filter(|document| document.split == split)
                .collect();
            assert_eq!(stats.documents, documents.len() as u64);
            assert_eq!(
                stats.tokens,
                documents
                    .iter()
                    .map(|document| document.ids.len() as u64)
                    .sum::<u64>()
            );
            assert_eq!(
                stats.text_bytes,
                documents
                    .iter()
                    .map(|document| u64::from(document.text_bytes))
                    .sum::<u64>()
            );
        }
    }
    assert_eq!(set.fingerprint(), "corpus-1");
}

#[test]
fn every_flipped_bit_is_found_and_its_file_named() {
    let dir = tempfile::tempdir().unwrap();
    let set = build(dir.path(), units());
    set.verify().unwrap();
    let names = file_names(dir.path());
    let mut drawn = 0;
    let mut draw = |below: usize| {
        drawn += 1;
        (mix(drawn) % below as u64) as usize
    };
    for _ in 0..1_000 {
        let path = dir.path().join(&names[draw(names.len())]);
        let sound = fs::read(&path).unwrap();
        let mut flipped = sound.clone();
        let (byte, bit) = (draw(flipped.len()), draw(8));
        flipped[byte] ^= 1 << bit;
        fs::write(&path, &flipped).unwrap();
        let error = set.verify().expect_err("a flipped bit must not verify");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "bit {bit} of byte {byte} in {path:?}: {error}"
        );
        fs::write(&path, &sound).unwrap();
    }
    set.verify().unwrap();
}

#[test]
fn truncated_and_missing_files_are_found_on_opening() {
    let dir = tempfile::tempdir().unwrap();
    build(dir.path(), units());
    for name in file_names(dir.path()) {
        let path = dir.path().join(&name);
        let sound = fs::read(&path).unwrap();
        for len in [0, 1, sound.len() / 2, sound.len() - 2] {
            fs::write(&path, &sound[..len]).unwrap();
            let error = ShardSet::open(&dir).expect_err("a truncated file must not open");
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{name} cut to {len}: {error}"
            );
        }
        fs::remove_file(&path).unwrap();
        let error = ShardSet::open(&dir).expect_err("a missing file must not open");
        assert!(matches!(
            error,
            ShardError::Missing { .. } | ShardError::NoManifest { .. }
        ));
        fs::write(&path, &sound).unwrap();
    }
    ShardSet::open(&dir).unwrap();
}

#[test]
fn exchanged_files_of_equal_size_are_found_on_opening() {
    let dir = tempfile::tempdir().unwrap();
    let document = |number| crate::testing::document(number, 40, Split::Train);
    build(
        dir.path(),
        vec![
            ("a", "law", vec![document(1)]),
            ("b", "law", vec![document(2)]),
        ],
    );
    let exchange = |kind: &str| {
        let [a, b, aside] =
            ["a", "b", "aside"].map(|unit| dir.path().join(format!("{unit}.train.{kind}")));
        fs::rename(&a, &aside).unwrap();
        fs::rename(&b, &a).unwrap();
        fs::rename(&aside, &b).unwrap();
    };
    for kind in ["tokens", "documents"] {
        exchange(kind);
        assert!(
            matches!(ShardSet::open(&dir), Err(ShardError::Hash { .. })),
            "{kind}"
        );
        exchange(kind);
    }
    ShardSet::open(&dir).unwrap();
}

#[test]
fn messages_name_file_expected_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let set = build(dir.path(), units());
    let path = dir.path().join("00001.train.tokens");
    let sound = fs::read(&path).unwrap();

    fs::write(&path, &sound[..100]).unwrap();
    let error = ShardSet::open(&dir).unwrap_err();
    insta::assert_snapshot!(message(dir.path(), &error), @"shard file `DIR/00001.train.tokens` has 100 bytes, the manifest expects 2664");
    fs::remove_file(&path).unwrap();
    let error = ShardSet::open(&dir).unwrap_err();
    insta::assert_snapshot!(message(dir.path(), &error), @"shard file `DIR/00001.train.tokens` is missing, the manifest expects 2664 bytes");

    let manifest = dir.path().join(MANIFEST_FILE);
    let json = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, json.replace("\"version\": 1", "\"version\": 2")).unwrap();
    let error = set.verify().unwrap_err();
    insta::assert_snapshot!(message(dir.path(), &error), @"field `version` in `DIR/manifest.json`: expected `1`, got `2`");
    fs::remove_file(&manifest).unwrap();
    let error = ShardSet::open(&dir).unwrap_err();
    insta::assert_snapshot!(message(dir.path(), &error), @"no shard set in `DIR`: `manifest.json` is missing");
}

#[test]
fn a_hostile_manifest_is_refused_by_field() {
    let dir = tempfile::tempdir().unwrap();
    let sound = build(dir.path(), units()).manifest().clone();
    // Each with a checksum that is right.
    let open_with = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = sound.clone();
        change(&mut manifest);
        fs::write(
            dir.path().join(MANIFEST_FILE),
            Manifest::new(manifest.spec, manifest.shards).to_json(),
        )
        .unwrap();
        ShardSet::open(&dir)
    };
    open_with(&|_| {}).unwrap();
    let field = |change: &dyn Fn(&mut Manifest)| match open_with(change) {
        Err(ShardError::ManifestField { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        field(&|manifest| manifest.shards[0].tokens += 1),
        "shards[0].tokens.bytes"
    );
    assert_eq!(
        field(&|manifest| manifest.shards[0].tokens = u64::MAX),
        "shards[0].tokens.bytes"
    );
    assert_eq!(
        field(&|manifest| manifest.shards[1].documents = u64::MAX),
        "shards[1].document_table.bytes"
    );
    assert_eq!(
        field(&|manifest| manifest.shards[0].document_table.file = "../x".into()),
        "shards[0].file"
    );
    assert_eq!(
        field(&|manifest| manifest.shards[2].columns.clear()),
        "shards[2].columns"
    );
    assert_eq!(
        field(&|manifest| manifest.spec.vocab_size = 1 << 20),
        "shards[0].tokens.dtype"
    );
    let text_bytes = open_with(&|manifest| manifest.shards[0].text_bytes += 1);
    assert!(matches!(
        text_bytes,
        Err(ShardError::Table {
            field: "text_bytes",
            ..
        })
    ));
}

#[test]
fn columns_of_a_later_writer_are_accepted_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let mut manifest = build(dir.path(), units()).manifest().clone();
    let weights = vec![0_u8; manifest.shards[0].tokens as usize * 4];
    let path = dir.path().join("00000.train.loss_weight");
    fs::write(&path, &weights).unwrap();
    let content = FileEntry {
        file: "00000.train.loss_weight".into(),
        bytes: weights.len() as u64,
        blake3: blake3::hash(&weights).to_string(),
    };
    let ends_blake3 = crate::hashed_file::ends_hash(&path).unwrap();
    manifest.shards[0].columns.push(ColumnEntry {
        name: "loss_weight".into(),
        dtype: Dtype::F32,
        content,
        ends_blake3,
    });
    fs::write(
        dir.path().join(MANIFEST_FILE),
        Manifest::new(manifest.spec, manifest.shards).to_json(),
    )
    .unwrap();

    ShardSet::open(&dir).unwrap().verify().unwrap();
    fs::write(&path, &weights[4..]).unwrap();
    assert!(matches!(ShardSet::open(&dir), Err(ShardError::Size { .. })));
}

#[test]
fn ids_beyond_the_vocabulary_are_an_error_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let set = build(dir.path(), units());
    let shard = set.shards_of("news", Split::Train).next().unwrap();
    // Written after the set was opened: only the reader itself can notice.
    let path = dir.path().join("00001.train.tokens");
    let mut bytes = fs::read(&path).unwrap();
    bytes[34..36].copy_from_slice(&(VOCAB as u16).to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let mut ids = Vec::new();
    set.read(shard, 0..17, &mut ids).unwrap();
    let error = set.read(shard, 10..30, &mut ids).unwrap_err();
    insta::assert_snapshot!(message(dir.path(), &error), @"token 17 in `DIR/00001.train.tokens` is `5000`, `vocab_size` is 5000");
    assert!(matches!(
        set.read(shard, 1_400..1_433, &mut ids),
        Err(ShardError::Bounds { .. })
    ));
}
