//! One TensorBoard event: its protocol message, and the checksummed record that frames it in a file.
//!
//! A record is the payload's length (u64), a checksum of that, the payload, and a checksum of it; numbers are
//! little endian.

use std::io::{self, Read};

use protobuf::{Message, RepeatedField};
use tensorboard_proto::event::{Event, SessionLog, SessionLog_SessionStatus};
use tensorboard_proto::summary::{
    HistogramProto, Summary, Summary_Value, SummaryMetadata, SummaryMetadata_PluginData,
};
use tensorboard_proto::tensor::TensorProto;
use tensorboard_proto::tensor_shape::{TensorShapeProto, TensorShapeProto_Dim};
use tensorboard_proto::types::DataType;
use tensorboard_rs::masked_crc32c::masked_crc32c;
use tensorboard_rs::record_writer::RecordWriter;

/// Version 2 readers keep steps as they come, instead of guessing where a run restarted.
const FILE_VERSION: &str = "brain.Event:2";

pub(crate) fn file_version(wall_time: f64) -> Event {
    let mut event = at(wall_time, 0);
    event.set_file_version(FILE_VERSION.to_owned());
    event
}

/// Tells a TensorBoard that has read an earlier state of the folder to forget everything from `step` on.
pub(crate) fn session_start(wall_time: f64, step: u64) -> Event {
    let mut log = SessionLog::new();
    log.set_status(SessionLog_SessionStatus::START);
    let mut event = at(wall_time, step);
    event.set_session_log(log);
    event
}

pub(crate) fn scalar(wall_time: f64, step: u64, tag: &str, value: f64) -> Event {
    summary(wall_time, step, tag, |entry| {
        entry.set_simple_value(value as f32);
    })
}

/// A string tensor of one element; the plugin's name is what brings it to the TEXT tab.
pub(crate) fn text(wall_time: f64, step: u64, tag: &str, markdown: &str) -> Event {
    let mut size = TensorShapeProto_Dim::new();
    size.set_size(1);
    let mut shape = TensorShapeProto::new();
    shape.set_dim(RepeatedField::from_vec(vec![size]));
    let mut tensor = TensorProto::new();
    tensor.set_dtype(DataType::DT_STRING);
    tensor.set_tensor_shape(shape);
    tensor.set_string_val(RepeatedField::from_vec(vec![markdown.as_bytes().to_vec()]));

    let mut plugin = SummaryMetadata_PluginData::new();
    plugin.set_plugin_name("text".to_owned());
    let mut metadata = SummaryMetadata::new();
    metadata.set_plugin_data(plugin);
    summary(wall_time, step, tag, |entry| {
        entry.set_metadata(metadata);
        entry.set_tensor(tensor);
    })
}

/// `limits[i]` is the upper edge of the bucket that counts `counts[i]`.
pub(crate) fn histogram(
    wall_time: f64,
    step: u64,
    tag: &str,
    values: &[f32],
    limits: &[f64],
    counts: &[f64],
) -> Event {
    let finite = || {
        values
            .iter()
            .map(|&value| f64::from(value))
            .filter(|value| value.is_finite())
    };
    let mut histogram = HistogramProto::new();
    histogram.set_min(finite().fold(f64::INFINITY, f64::min));
    histogram.set_max(finite().fold(f64::NEG_INFINITY, f64::max));
    histogram.set_num(finite().count() as f64);
    histogram.set_sum(finite().sum());
    histogram.set_sum_squares(finite().map(|value| value * value).sum());
    histogram.set_bucket_limit(limits.to_vec());
    histogram.set_bucket(counts.to_vec());
    summary(wall_time, step, tag, |entry| entry.set_histo(histogram))
}

fn at(wall_time: f64, step: u64) -> Event {
    let mut event = Event::new();
    event.set_wall_time(wall_time);
    event.set_step(i64::try_from(step).unwrap_or(i64::MAX));
    event
}

fn summary(wall_time: f64, step: u64, tag: &str, fill: impl FnOnce(&mut Summary_Value)) -> Event {
    let mut entry = Summary_Value::new();
    entry.set_tag(tag.to_owned());
    fill(&mut entry);
    let mut summary = Summary::new();
    summary.set_value(RepeatedField::from_vec(vec![entry]));
    let mut event = at(wall_time, step);
    event.set_summary(summary);
    event
}

/// The event as it stands in a file.
pub(crate) fn to_record(event: &Event) -> Vec<u8> {
    let payload = event
        .write_to_bytes()
        .expect("all fields of an event are set, and memory takes any bytes");
    frame(&payload)
}

/// `payload` between its length and its checksums.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(payload.len() + 16);
    RecordWriter::new(&mut record)
        .write(payload)
        .expect("memory takes any bytes");
    record
}

/// Reads records until the end of the file or the first one that is torn or altered: nothing behind that one can
/// be found again.
pub(crate) struct RecordReader<R> {
    reader: R,
    remaining: u64,
}

/// What stands next in an event file.
pub(crate) enum NextRecord {
    Payload(Vec<u8>),
    End,
    /// Torn or altered; so many bytes are left from its beginning on.
    Broken {
        bytes: u64,
    },
}

impl<R: Read> RecordReader<R> {
    /// `len` is the file's length; it bounds what a damaged length field can make this reader allocate.
    pub(crate) fn new(reader: R, len: u64) -> Self {
        Self {
            reader,
            remaining: len,
        }
    }

    pub(crate) fn next_record(&mut self) -> io::Result<NextRecord> {
        let bytes = std::mem::take(&mut self.remaining);
        if bytes == 0 {
            return Ok(NextRecord::End);
        }
        let broken = Ok(NextRecord::Broken { bytes });
        if bytes < 16 {
            return broken;
        }
        let (mut length, mut checksum) = ([0; 8], [0; 4]);
        self.reader.read_exact(&mut length)?;
        self.reader.read_exact(&mut checksum)?;
        let size = u64::from_le_bytes(length);
        if masked_crc32c(&length) != u32::from_le_bytes(checksum) || size > bytes - 16 {
            return broken;
        }
        let mut payload = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.reader.read_exact(&mut payload)?;
        self.reader.read_exact(&mut checksum)?;
        if masked_crc32c(&payload) != u32::from_le_bytes(checksum) {
            return broken;
        }
        self.remaining = bytes - 16 - size;
        Ok(NextRecord::Payload(payload))
    }
}

pub(crate) fn parse(payload: &[u8]) -> Option<Event> {
    Event::parse_from_bytes(payload).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payloads(bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
        let mut reader = RecordReader::new(bytes, bytes.len() as u64);
        let mut found = Vec::new();
        loop {
            match reader.next_record().unwrap() {
                NextRecord::Payload(payload) => found.push(payload),
                NextRecord::End => return (found, 0),
                NextRecord::Broken { bytes } => return (found, bytes),
            }
        }
    }

    proptest! {
        #[test]
        fn records_come_back_and_a_flipped_bit_ends_them(
            written in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8),
            position in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let mut bytes = written.iter().flat_map(|payload| frame(payload)).collect::<Vec<_>>();
            prop_assert_eq!(payloads(&bytes), (written.clone(), 0));
            let at = position.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let (found, lost) = payloads(&bytes);
            prop_assert!(lost > 0 && found.len() < written.len());
            prop_assert_eq!(&written[..found.len()], found.as_slice());
        }

        #[test]
        fn hostile_bytes_are_only_broken(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (found, lost) = payloads(&bytes);
            prop_assert!(found.is_empty() && lost == bytes.len() as u64);
            let _ = parse(&bytes);
        }
    }
}
