//! Which layer of a model each layer of a deeper one is copied from.

use std::fmt;
use std::str::FromStr;

/// More layers than any published model; a mistyped range must not fill the disk.
const MAX_LAYERS: usize = 10_000;

/// Indices of layers, from 0, in the order of the new model; a layer may come several times or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerMap(Vec<usize>);

impl LayerMap {
    /// Depth up-scaling as SOLAR did it (Kim et al. 2023, arXiv 2312.15166): two copies of the model, the first without its last
    /// `removed` layers, the second without its first `removed`, one upon the other.
    ///
    /// # Errors
    /// If so many layers cannot be removed.
    pub fn depth_up_scaled(layers: usize, removed: usize) -> Result<Self, String> {
        if removed >= layers {
            return Err(format!(
                "{removed} layers cannot be removed from each copy: the model has {layers}"
            ));
        }
        Ok(Self((0..layers - removed).chain(removed..layers).collect()))
    }

    /// The layer from which each is copied.
    pub fn sources(&self) -> &[usize] {
        &self.0
    }
}

/// Ranges with both ends, such as `0-23,8-31`, and single layers.
impl FromStr for LayerMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut sources = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let index = |text: &str| text.trim().parse::<usize>().ok();
            let range = index(first).zip(index(last));
            let Some((first, last)) = range.filter(|(first, last)| first <= last) else {
                return Err(format!(
                    "expected layers such as `0-23,8-31`, counted from 0, got `{part}`"
                ));
            };
            if last - first >= MAX_LAYERS || sources.len() + (last - first) >= MAX_LAYERS {
                return Err(format!("expected at most {MAX_LAYERS} layers"));
            }
            sources.extend(first..=last);
        }
        Ok(Self(sources))
    }
}

/// As it can be read again: `0-23,8-31`.
impl fmt::Display for LayerMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        while let Some(&first) = rest.first() {
            let run = (0..)
                .zip(rest)
                .take_while(|(at, layer)| **layer == first + at)
                .count();
            let comma = if rest.len() == self.0.len() { "" } else { "," };
            if run == 1 {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{}", first + run - 1)?;
            }
            rest = rest.get(run..).unwrap_or_default();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solar_has_48_layers_of_32() {
        let map = LayerMap::depth_up_scaled(32, 8).unwrap();
        assert_eq!(map.sources().len(), 48);
        assert_eq!(map.to_string(), "0-23,8-31");
        assert_eq!("0-23, 8 - 31".parse(), Ok(map));
        assert_eq!(
            LayerMap::depth_up_scaled(4, 4).unwrap_err(),
            "4 layers cannot be removed from each copy: the model has 4"
        );
    }

    #[test]
    fn any_map_is_read_and_written() {
        let map: LayerMap = "0,0,2-3,1".parse().unwrap();
        assert_eq!(map.sources(), [0, 0, 2, 3, 1]);
        assert_eq!(map.to_string(), "0,0,2-3,1");
        for wrong in ["", "3-1", "a", "-1", "0,,1", "0-99999999999", "0-1-2"] {
            assert!(wrong.parse::<LayerMap>().is_err(), "{wrong}");
        }
    }
}
