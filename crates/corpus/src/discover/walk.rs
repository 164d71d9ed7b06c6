//! Walking a folder: which of its entries are candidates, and why the others are not.
//!
//! Real folders come first, links to folders after them in the order of their relative paths, so
//! that the same tree gives the same list however the file system orders it, and a folder that is
//! both there and linked to is read where it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Listing, Selection};
use crate::CorpusError;
use crate::config::Rules;
use crate::own_output::why_not_text;

/// A folder still to be listed.
struct Folder {
    path: PathBuf,
    relative: String,
    depth: usize,
    /// True where the folder itself was asked for, so that all below it is.
    selected: bool,
}

/// What one walk knows.
pub(super) struct Walk<'a> {
    select: Option<&'a Selection>,
    rules: &'a Rules,
    listing: &'a mut Listing,
    /// Folders listed, by canonical path; the value is where below the root.
    visited: BTreeMap<PathBuf, String>,
    /// Folders around the root, and the root: a link to one of them leads in a circle.
    around: Vec<PathBuf>,
    links: Vec<Folder>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        select: Option<&'a Selection>,
        rules: &'a Rules,
        listing: &'a mut Listing,
    ) -> Self {
        Self {
            select,
            rules,
            listing,
            visited: BTreeMap::new(),
            around: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Lists everything at and below `root`.
    pub(super) fn run(mut self, root: &Path) -> Result<(), CorpusError> {
        let canonical = canonical(root)?;
        self.around = canonical.ancestors().map(Path::to_owned).collect();
        let mut folders = vec![Folder {
            path: root.to_owned(),
            relative: String::new(),
            depth: 0,
            selected: self.select.is_none(),
        }];
        loop {
            while let Some(folder) = folders.pop() {
                // A folder can be met twice only below a link.
                let place = self::canonical(&folder.path)?;
                if let Some(known) = self.visited.get(&place) {
                    let reason = format!("{} already", read_as(known));
                    self.listing.skip(folder.relative, reason);
                    continue;
                }
                folders.extend(self.entries(&folder, &place)?);
                self.visited.insert(place, folder.relative);
            }
            self.links.sort_by(|a, b| b.relative.cmp(&a.relative));
            let Some(link) = self.links.pop() else {
                return Ok(());
            };
            if let Some(reason) = self.why_not_followed(&link) {
                self.listing.skip(link.relative, reason);
            } else {
                folders.push(link);
            }
        }
    }

    /// Why an entry is passed over by its place, or as something that this program wrote.
    fn why_not_read(&self, path: &Path, place: &Path, is_folder: bool) -> Option<String> {
        let target = path
            .is_symlink()
            .then(|| path.canonicalize().ok())
            .flatten();
        let place = target.as_deref().unwrap_or(place);
        let by_place = self.rules.why_not_read(place).map(str::to_owned);
        by_place.or_else(|| {
            let reason = is_folder.then(|| why_not_text(path)).flatten();
            reason.map(str::to_owned)
        })
    }

    fn why_not_followed(&self, link: &Folder) -> Option<String> {
        let Ok(target) = canonical(&link.path) else {
            return Some("a link to a folder that cannot be opened".to_owned());
        };
        if self.around.contains(&target) {
            return Some("a link to a folder around it, which would lead in a circle".to_owned());
        }
        let known = self.visited.get(&target)?;
        Some(format!("a link to a folder that is {}", read_as(known)))
    }

    /// Adds the files of one folder, whose canonical path is `place`, to the listing and gives its
    /// folders.
    fn entries(&mut self, folder: &Folder, place: &Path) -> Result<Vec<Folder>, CorpusError> {
        let failed = |source| CorpusError::Read {
            path: folder.path.clone(),
            source,
        };
        let mut folders = Vec::new();
        for entry in fs::read_dir(&folder.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let lossy = name.to_string_lossy();
            let relative = if folder.relative.is_empty() {
                lossy.clone().into_owned()
            } else {
                format!("{}/{lossy}", folder.relative)
            };
            let selected =
                folder.selected || self.select.is_some_and(|s| s.glob.matches(&relative));
            let path = entry.path();
            let file_type = entry.file_type().map_err(failed)?;
            let is_link = file_type.is_symlink();
            let is_folder = file_type.is_dir() || is_link && path.is_dir();
            let depth = folder.depth + 1;
            let reachable = self
                .select
                .is_none_or(|s| s.max_depth.is_none_or(|deepest| depth < deepest));
            if !(selected || is_folder && reachable) {
                continue;
            }
            if lossy.starts_with('.') {
                self.listing.hidden += 1;
            } else if is_folder && self.rules.leaves_folders_out() {
                // They are sources of their own, or were looked at to become one.
            } else if self.rules.excludes(&relative) {
                self.listing.excluded += 1;
            } else if let Some(reason) = self.why_not_read(&path, &place.join(&name), is_folder) {
                self.listing.skip(relative, reason);
            } else if is_folder {
                let below = Folder {
                    path,
                    relative,
                    depth,
                    selected,
                };
                if is_link {
                    self.links.push(below);
                } else {
                    folders.push(below);
                }
            } else if name.to_str().is_none() {
                self.listing.skip(relative, "its name is not UTF-8");
            } else {
                match fs::metadata(&path) {
                    Ok(metadata) => self.listing.add(path, relative, &metadata),
                    Err(_) if is_link => self.listing.skip(relative, "the link leads nowhere"),
                    Err(source) => return Err(CorpusError::Read { path, source }),
                }
            }
        }
        Ok(folders)
    }
}

fn read_as(relative: &str) -> String {
    match relative {
        "" => "read".to_owned(),
        place => format!("read as `{place}`"),
    }
}

fn canonical(path: &Path) -> Result<PathBuf, CorpusError> {
    path.canonicalize().map_err(|source| CorpusError::Read {
        path: path.to_owned(),
        source,
    })
}
