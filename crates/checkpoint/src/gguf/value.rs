//! Metadata: a key has a number, a truth value, a text, or a list of one of these.

/// What stands under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum GgufValue {
    /// Unsigned, 8 bits.
    U8(u8),
    /// Signed, 8 bits.
    I8(i8),
    /// Unsigned, 16 bits.
    U16(u16),
    /// Signed, 16 bits.
    I16(i16),
    /// Unsigned, 32 bits.
    U32(u32),
    /// Signed, 32 bits.
    I32(i32),
    /// Unsigned, 64 bits.
    U64(u64),
    /// Signed, 64 bits.
    I64(i64),
    /// Floating point, 32 bits.
    F32(f32),
    /// Floating point, 64 bits.
    F64(f64),
    /// True or false.
    Bool(bool),
    /// UTF-8.
    Text(String),
    /// A list of one type; lists of lists are not read.
    Array(GgufArray),
}

/// A list.
#[derive(Debug, Clone, PartialEq)]
pub enum GgufArray {
    /// Unsigned, 8 bits.
    U8(Vec<u8>),
    /// Signed, 8 bits.
    I8(Vec<i8>),
    /// Unsigned, 16 bits.
    U16(Vec<u16>),
    /// Signed, 16 bits.
    I16(Vec<i16>),
    /// Unsigned, 32 bits.
    U32(Vec<u32>),
    /// Signed, 32 bits.
    I32(Vec<i32>),
    /// Unsigned, 64 bits.
    U64(Vec<u64>),
    /// Signed, 64 bits.
    I64(Vec<i64>),
    /// Floating point, 32 bits.
    F32(Vec<f32>),
    /// Floating point, 64 bits.
    F64(Vec<f64>),
    /// True or false.
    Bool(Vec<bool>),
    /// UTF-8.
    Text(Vec<String>),
}

pub(super) const ARRAY_CODE: u32 = 9;

impl GgufValue {
    /// The number, of whatever integer type, if it is one that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            GgufValue::U8(value) => Some(value.into()),
            GgufValue::U16(value) => Some(value.into()),
            GgufValue::U32(value) => Some(value.into()),
            GgufValue::U64(value) => Some(value),
            GgufValue::I8(value) => value.try_into().ok(),
            GgufValue::I16(value) => value.try_into().ok(),
            GgufValue::I32(value) => value.try_into().ok(),
            GgufValue::I64(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            GgufValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The specification's number of the type.
    pub(super) fn code(&self) -> u32 {
        match self {
            GgufValue::U8(_) => 0,
            GgufValue::I8(_) => 1,
            GgufValue::U16(_) => 2,
            GgufValue::I16(_) => 3,
            GgufValue::U32(_) => 4,
            GgufValue::I32(_) => 5,
            GgufValue::F32(_) => 6,
            GgufValue::Bool(_) => 7,
            GgufValue::Text(_) => 8,
            GgufValue::Array(_) => ARRAY_CODE,
            GgufValue::U64(_) => 10,
            GgufValue::I64(_) => 11,
            GgufValue::F64(_) => 12,
        }
    }

    /// Appends the value without its type.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            GgufValue::U8(value) => bytes.push(*value),
            GgufValue::I8(value) => bytes.push(*value as u8),
            GgufValue::U16(value) => bytes.extend(value.to_le_bytes()),
            GgufValue::I16(value) => bytes.extend(value.to_le_bytes()),
            GgufValue::U32(value) => bytes.extend(value.to_le_bytes()),
            GgufValue::I32(value) => bytes.extend(value.to_le_bytes()),
            GgufValue::U64(value) => bytes.extend(value.to_le_bytes()),
            GgufValue::I64(value) => bytes.extend(value.to_le_bytes()),
            GgufValue::F32(value) => bytes.extend(value.to_le_bytes()),
            GgufValue::F64(value) => bytes.extend(value.to_le_bytes()),
            GgufValue::Bool(value) => bytes.push(u8::from(*value)),
            GgufValue::Text(text) => encode_text(text, bytes),
            GgufValue::Array(array) => array.encode(bytes),
        }
    }
}

impl GgufArray {
    /// Number of entries.
    pub fn len(&self) -> usize {
        match self {
            GgufArray::U8(values) => values.len(),
            GgufArray::I8(values) => values.len(),
            GgufArray::U16(values) => values.len(),
            GgufArray::I16(values) => values.len(),
            GgufArray::U32(values) => values.len(),
            GgufArray::I32(values) => values.len(),
            GgufArray::U64(values) => values.len(),
            GgufArray::I64(values) => values.len(),
            GgufArray::F32(values) => values.len(),
            GgufArray::F64(values) => values.len(),
            GgufArray::Bool(values) => values.len(),
            GgufArray::Text(values) => values.len(),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn code(&self) -> u32 {
        match self {
            GgufArray::U8(_) => 0,
            GgufArray::I8(_) => 1,
            GgufArray::U16(_) => 2,
            GgufArray::I16(_) => 3,
            GgufArray::U32(_) => 4,
            GgufArray::I32(_) => 5,
            GgufArray::F32(_) => 6,
            GgufArray::Bool(_) => 7,
            GgufArray::Text(_) => 8,
            GgufArray::U64(_) => 10,
            GgufArray::I64(_) => 11,
            GgufArray::F64(_) => 12,
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.code().to_le_bytes());
        bytes.extend((self.len() as u64).to_le_bytes());
        match self {
            GgufArray::U8(values) => bytes.extend(values),
            GgufArray::I8(values) => bytes.extend(values.iter().map(|value| *value as u8)),
            GgufArray::U16(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            GgufArray::I16(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            GgufArray::U32(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            GgufArray::I32(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            GgufArray::U64(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            GgufArray::I64(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            GgufArray::F32(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            GgufArray::F64(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            GgufArray::Bool(values) => bytes.extend(values.iter().map(|value| u8::from(*value))),
            GgufArray::Text(values) => values.iter().for_each(|text| encode_text(text, bytes)),
        }
    }
}

/// A length in bytes, then the bytes.
pub(super) fn encode_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
