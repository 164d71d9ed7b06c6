use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::Path;

use crate::journal::JOURNAL_FILE;
use crate::testing::{VOCAB, build, document, spec, units, write_unit};
use crate::{
    EncodedDocument, ShardError, ShardSet, ShardSetBuilder, ShardSetSpec, Split, WriteUnitError,
};

fn content(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

fn write(
    builder: &mut ShardSetBuilder,
    unit: &str,
    documents: Vec<EncodedDocument>,
) -> Result<(), WriteUnitError<Infallible>> {
    builder.write_unit(unit, "law", false, &mut documents.into_iter().map(Ok))
}

#[derive(Debug, thiserror::Error)]
#[error("the corpus ended early")]
struct Interrupted;

#[test]
fn an_interrupted_build_continues_and_ends_with_the_same_bytes() {
    let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    build(whole.path(), units());

    let [first, second, third]: [_; 3] = units().try_into().unwrap();
    let mut builder = ShardSetBuilder::open(&pieces, spec()).unwrap();
    write_unit(&mut builder, first);
    let documents = second
        .2
        .clone()
        .into_iter()
        .take(7)
        .map(Ok)
        .chain([Err(Interrupted)]);
    let error = builder
        .write_unit(second.0, second.1, false, &mut documents.into_iter())
        .unwrap_err();
    assert!(matches!(error, WriteUnitError::Document(Interrupted)));
    assert!(!builder.is_complete(second.0));
    drop(builder);
    // As a kill would leave them: a partial file, and final files that the journal does not know.
    fs::write(pieces.path().join("00001.train.tokens.partial"), b"half").unwrap();
    fs::write(pieces.path().join("00002.validation.tokens"), b"unrecorded").unwrap();
    assert!(matches!(
        ShardSet::open(&pieces),
        Err(ShardError::Unfinished { .. })
    ));

    let mut builder = ShardSetBuilder::open(&pieces, spec()).unwrap();
    assert!(builder.is_complete("00000") && !builder.is_complete("00001"));
    // The order of writing does not matter either.
    write_unit(&mut builder, third);
    write_unit(&mut builder, second);
    builder.finish().unwrap().verify().unwrap();
    assert_eq!(content(whole.path()), content(pieces.path()));
}

#[test]
fn a_journal_cut_anywhere_loses_only_the_unit_it_was_cut_in() {
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    build(whole.path(), units());
    let mut builder = ShardSetBuilder::open(&cut, spec()).unwrap();
    for unit in units() {
        write_unit(&mut builder, unit);
    }
    drop(builder);
    let journal = cut.path().join(JOURNAL_FILE);
    let full = fs::read(&journal).unwrap();
    let ends: Vec<usize> = (0..full.len())
        .filter(|&i| full[i] == b'\n')
        .map(|i| i + 1)
        .collect();

    for len in (0..=full.len())
        .rev()
        .step_by(61)
        .chain(ends.iter().copied())
    {
        fs::write(&journal, &full[..len]).unwrap();
        let builder = ShardSetBuilder::open(&cut, spec()).unwrap();
        for (number, (unit, ..)) in units().iter().enumerate() {
            assert_eq!(
                builder.is_complete(unit),
                ends[number + 1] <= len,
                "unit {unit}, journal cut at {len}"
            );
        }
    }
    fs::write(&journal, &full[..full.len() - 10]).unwrap();
    let mut builder = ShardSetBuilder::open(&cut, spec()).unwrap();
    write_unit(&mut builder, units().pop().unwrap());
    builder.finish().unwrap();
    assert_eq!(content(whole.path()), content(cut.path()));
}

#[test]
fn a_unit_whose_files_were_damaged_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = ShardSetBuilder::open(&dir, spec()).unwrap();
    for unit in units() {
        write_unit(&mut builder, unit);
    }
    drop(builder);
    fs::write(dir.path().join("00001.train.tokens"), b"short").unwrap();
    let builder = ShardSetBuilder::open(&dir, spec()).unwrap();
    assert!(
        builder.is_complete("00000")
            && !builder.is_complete("00001")
            && builder.is_complete("00002")
    );
}

#[test]
fn a_finished_set_can_be_opened_again_and_widened() {
    let (whole, grown) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    build(whole.path(), units());
    let mut all = units();
    let last = all.pop().unwrap();
    build(grown.path(), all);
    let mut builder = ShardSetBuilder::open(&grown, spec()).unwrap();
    assert!(builder.is_complete("00001"));
    write_unit(&mut builder, last);
    builder.finish().unwrap();
    assert_eq!(content(whole.path()), content(grown.path()));
}

#[test]
fn shards_of_other_inputs_are_refused_by_field() {
    let dir = tempfile::tempdir().unwrap();
    let open = |change: &dyn Fn(&mut ShardSetSpec)| {
        let mut changed = spec();
        change(&mut changed);
        ShardSetBuilder::open(&dir, changed).map(drop).unwrap_err()
    };
    drop(ShardSetBuilder::open(&dir, spec()).unwrap());
    let other_fingerprint = |spec: &mut ShardSetSpec| spec.fingerprint = "corpus-2".into();
    for _ in 0..2 {
        assert!(matches!(
            open(&other_fingerprint),
            ShardError::OtherBuild {
                field: "fingerprint",
                ..
            }
        ));
        assert!(matches!(
            open(&|spec| spec.vocab_size = 6_000),
            ShardError::OtherBuild {
                field: "vocab_size",
                ..
            }
        ));
        assert!(matches!(
            open(&|spec| spec.bos_id = Some(2)),
            ShardError::OtherBuild {
                field: "bos_id",
                ..
            }
        ));
        // The second time round the set is finished.
        let mut builder = ShardSetBuilder::open(&dir, spec()).unwrap();
        if !builder.is_complete("0") {
            write(&mut builder, "0", vec![document(0, 9, Split::Train)]).unwrap();
            builder.finish().unwrap();
        }
    }
    assert!(matches!(
        open(&|spec| spec.vocab_size = 0),
        ShardError::Spec {
            field: "vocab_size",
            ..
        }
    ));
    assert!(matches!(
        open(&|spec| spec.eos_id = Some(5_000)),
        ShardError::Spec {
            field: "eos_id",
            ..
        }
    ));
}

#[test]
fn two_builders_do_not_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let first = ShardSetBuilder::open(&dir, spec()).unwrap();
    assert!(matches!(
        ShardSetBuilder::open(&dir, spec()),
        Err(ShardError::Busy { .. })
    ));
    drop(first);
    ShardSetBuilder::open(&dir, spec()).unwrap();
}

#[test]
fn what_cannot_be_stored_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = ShardSetBuilder::open(&dir, spec()).unwrap();
    let good = || document(1, 5, Split::Train);
    let with_ids = |ids: Vec<u32>| EncodedDocument { ids, ..good() };
    let mut message = |unit: &str, documents| {
        write(&mut builder, unit, documents)
            .unwrap_err()
            .to_string()
    };

    insta::assert_snapshot!(message("a", vec![good(), with_ids(vec![1, VOCAB as u32])]), @"document 1 of unit `a` holds token id `5000`, `vocab_size` is 5000");
    insta::assert_snapshot!(message("a", vec![with_ids(vec![])]), @"document 0 of unit `a` has 0 tokens, a document has 1 to 4294967295");
    insta::assert_snapshot!(message("../a", vec![good()]), @"unit name `../a` must be 1 to 200 of the characters a-z A-Z 0-9 `_` `-` `.` and not start with `.`");
    assert_eq!(
        content(dir.path()).keys().collect::<Vec<_>>(),
        [JOURNAL_FILE]
    );

    write(&mut builder, "a", vec![good()]).unwrap();
    let again = write(&mut builder, "a", vec![good()]).unwrap_err();
    assert!(matches!(
        again,
        WriteUnitError::Shards(ShardError::UnitComplete { .. })
    ));
    let mut documents = [good()].into_iter().map(Ok::<_, Infallible>);
    let synthetic = builder
        .write_unit("b", "law", true, &mut documents)
        .unwrap_err();
    insta::assert_snapshot!(synthetic, @"unit `b` says `synthetic = true` for source `law`, unit `a` says `false`");
}

#[test]
fn a_build_without_documents_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = ShardSetBuilder::open(&dir, spec()).unwrap();
    write(&mut builder, "empty", Vec::new()).unwrap();
    assert!(builder.is_complete("empty"));
    assert!(matches!(builder.finish(), Err(ShardError::Empty { .. })));
}

#[test]
fn a_large_vocabulary_is_stored_in_four_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let large = ShardSetSpec {
        vocab_size: (1 << 16) + 1,
        ..spec()
    };
    let mut builder = ShardSetBuilder::open(&dir, large).unwrap();
    let ids = vec![0, 65_535, 65_536];
    write(
        &mut builder,
        "0",
        vec![EncodedDocument {
            ids: ids.clone(),
            ..document(0, 3, Split::Train)
        }],
    )
    .unwrap();
    let set = builder.finish().unwrap();
    let shard = set.shards_of("law", Split::Train).next().unwrap();
    let mut read = Vec::new();
    set.read(shard, 0..3, &mut read).unwrap();
    assert_eq!(read, ids);
    assert_eq!(
        fs::metadata(dir.path().join("0.train.tokens"))
            .unwrap()
            .len(),
        12
    );
}
