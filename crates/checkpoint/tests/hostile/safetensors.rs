//! Safetensors files whose header lies.

use crate::case::{Cost, End, SINGLE, entry, model, tensor_file};

use End::{Read, Refused};

pub(crate) fn one(dtype: &str, shape: &str, offsets: &str) -> String {
    format!("{{{}}}", entry("a", dtype, shape, offsets))
}

/// Two tensors of four bytes.
fn two(first: &str, second: &str) -> String {
    let [first, second] =
        [("a", first), ("b", second)].map(|(name, offsets)| entry(name, "U8", "[4]", offsets));
    format!("{{{first},{second}}}")
}

#[test]
fn lies() {
    let long_integer = one("U8", &format!("[{}]", "1".repeat(10_000)), "[0,1]");
    let many_digits = one("U8", "[1]", &format!("[0.{},1]", "1".repeat(1_000_000)));
    let deep = "[".repeat(10_000);
    let deep_closed = format!("{deep}{}", "]".repeat(10_000));
    let deep_objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let cases: Vec<(&str, Vec<u8>, End)> = vec![
        // The frame.
        (
            "an empty file",
            vec![],
            Refused("it has 0 bytes, fewer than the 8"),
        ),
        (
            "seven bytes",
            vec![1; 7],
            Refused("it has 7 bytes, fewer than the 8"),
        ),
        (
            "exactly eight bytes",
            vec![0; 8],
            Refused("does not begin with `{` at byte 8"),
        ),
        (
            "eight bytes of a length",
            tensor_file("{}", 0)[..8].to_vec(),
            Refused("header ends at byte 10, the file at byte 8"),
        ),
        (
            "an incomplete header",
            tensor_file("{}   ", 0)[..11].to_vec(),
            Refused("header ends at byte 13, the file at byte 11"),
        ),
        (
            "a header of 2^64-1 bytes",
            u64::MAX.to_le_bytes().to_vec(),
            Refused("header has 18446744073709551615 bytes, more than"),
        ),
        (
            "a header of 2^63 bytes",
            (1_u64 << 63).to_le_bytes().to_vec(),
            Refused("more than"),
        ),
        (
            "a header of 100 MB",
            100_000_000_u64.to_le_bytes().to_vec(),
            Refused("header has 100000000 bytes, more than"),
        ),
        (
            "a header of no bytes",
            tensor_file("", 0),
            Refused("does not begin with `{` at byte 8"),
        ),
        (
            "a length in the wrong order of bytes",
            [&2_u64.to_be_bytes()[..], b"{}"].concat(),
            Refused("first 8 bytes say"),
        ),
        // The text.
        (
            "not UTF-8",
            tensor_file(b"{\"\xff\":1}", 0),
            Refused("not UTF-8 at byte 10"),
        ),
        (
            "half a character at the end",
            tensor_file(b"{\"\xea\xb0", 0),
            Refused("not UTF-8 at byte 10"),
        ),
        (
            "UTF-16",
            tensor_file(b"{\0}\0", 0),
            Refused("wrong at byte 9"),
        ),
        (
            "a byte order mark",
            tensor_file("\u{feff}{}", 0),
            Refused("does not begin with `{`"),
        ),
        (
            "not JSON",
            tensor_file("{dtype}", 0),
            Refused("wrong at byte 9: key must be a string"),
        ),
        (
            "a pickle",
            tensor_file(b"\x80\x04\x95", 0),
            Refused("does not begin with `{`"),
        ),
        (
            "a list",
            tensor_file("[]", 0),
            Refused("does not begin with `{`"),
        ),
        (
            "an object cut off",
            tensor_file("{\"a\":{", 0),
            Refused("EOF"),
        ),
        (
            "two objects",
            tensor_file("{}{}", 0),
            Refused("wrong at byte 10: trailing characters"),
        ),
        (
            "zeros behind the object",
            tensor_file("{}\0\0", 0),
            Refused("trailing characters"),
        ),
        (
            "a comma too much",
            tensor_file("{,}", 0),
            Refused("wrong at byte 9"),
        ),
        (
            "a control character in a name",
            tensor_file(format!("{{{}}}", entry("\n", "U8", "[0]", "[0,0]")), 0),
            Refused("control character"),
        ),
        (
            "half of a surrogate pair in a name",
            tensor_file(format!("{{{}}}", entry("\\ud800", "U8", "[0]", "[0,0]")), 0),
            Refused("wrong at byte"),
        ),
        (
            "spaces before the object",
            tensor_file(" {}", 0),
            Refused("does not begin with `{`"),
        ),
        ("spaces behind the object", tensor_file("{}    ", 0), Read),
        (
            "spaces and newlines everywhere",
            tensor_file(
                "{ \r\n\t\"a\" : {\"dtype\" : \"F32\",\n\"shape\" : [ ] , \"data_offsets\": [0 ,4 ]} } \n",
                4,
            ),
            Read,
        ),
        (
            "an error behind newlines",
            tensor_file("{\n\n\"a\":1}", 0),
            Refused("at byte 15: tensor `a`: invalid type: integer `1`"),
        ),
        // What stands where.
        (
            "a tensor that is a number",
            tensor_file(r#"{"a":1}"#, 0),
            Refused("tensor `a`: invalid type"),
        ),
        (
            "a tensor that is null",
            tensor_file(r#"{"a":null}"#, 0),
            Refused("tensor `a`: invalid type"),
        ),
        (
            "a tensor without a type",
            tensor_file(r#"{"a":{"shape":[],"data_offsets":[0,1]}}"#, 1),
            Refused("tensor `a`: missing field `dtype`"),
        ),
        (
            "a tensor without a shape",
            tensor_file(r#"{"a":{"dtype":"U8","data_offsets":[0,1]}}"#, 1),
            Refused("tensor `a`: missing field `shape`"),
        ),
        (
            "a tensor without offsets",
            tensor_file(r#"{"a":{"dtype":"U8","shape":[]}}"#, 1),
            Refused("tensor `a`: missing field `data_offsets`"),
        ),
        (
            "a shape twice",
            tensor_file(
                r#"{"a":{"dtype":"U8","shape":[1],"shape":[2],"data_offsets":[0,1]}}"#,
                1,
            ),
            Refused("tensor `a`: duplicate field `shape`"),
        ),
        (
            "a tensor twice",
            tensor_file(two("[0,4]", "[4,8]").replace("\"b\"", "\"a\""), 8),
            Refused("the name `a` comes twice"),
        ),
        (
            "a tensor twice, once by escapes",
            tensor_file(two("[0,4]", "[4,8]").replace("\"b\"", "\"\\u0061\""), 8),
            Refused("the name `a` comes twice"),
        ),
        (
            "metadata twice",
            tensor_file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0),
            Refused("`__metadata__` comes twice"),
        ),
        (
            "metadata that is a text",
            tensor_file(r#"{"__metadata__":"pt"}"#, 0),
            Refused("`__metadata__`: invalid type: string"),
        ),
        (
            "metadata that is null",
            tensor_file(r#"{"__metadata__":null}"#, 0),
            Refused("`__metadata__`: invalid type: null"),
        ),
        (
            "metadata with a number",
            tensor_file(r#"{"__metadata__":{"n":1}}"#, 0),
            Refused("`__metadata__`: invalid type: integer `1`, expected a text"),
        ),
        (
            "metadata with an object",
            tensor_file(r#"{"__metadata__":{"n":{}}}"#, 0),
            Refused("`__metadata__`: invalid type: map, expected a text"),
        ),
        (
            "an unknown type",
            tensor_file(one("F33", "[1]", "[0,4]"), 4),
            Refused("tensor `a`: unknown variant `F33`"),
        ),
        (
            "a type in small letters",
            tensor_file(one("f32", "[1]", "[0,4]"), 4),
            Refused("tensor `a`: unknown variant `f32`"),
        ),
        (
            "a type that is a number",
            tensor_file(one("F32", "[1]", "[0,4]").replace("\"F32\"", "32"), 4),
            Refused("tensor `a`: "),
        ),
        (
            "half a byte",
            tensor_file(one("F4", "[3]", "[0,2]"), 2),
            Refused("tensor `a`: shape [3] of type `F4` does not have a whole number of bytes"),
        ),
        (
            "six bits a number, no whole bytes",
            tensor_file(one("F6_E2M3", "[2]", "[0,2]"), 2),
            Refused("whole number of bytes"),
        ),
        (
            "six bits a number, whole bytes",
            tensor_file(one("F6_E2M3", "[4]", "[0,3]"), 3),
            Read,
        ),
        (
            "four bits a number, whole bytes",
            tensor_file(one("F4", "[4]", "[0,2]"), 2),
            Read,
        ),
        ("integers", tensor_file(one("I64", "[1]", "[0,8]"), 8), Read),
        // Shapes.
        (
            "a product that overflows",
            tensor_file(one("F32", "[4294967296,4294967296]", "[0,0]"), 0),
            Refused("tensor `a`: shape [4294967296, 4294967296] of type `F32` does not"),
        ),
        (
            "bytes that overflow",
            tensor_file(one("F32", "[4611686018427387904]", "[0,0]"), 0),
            Refused("or too many"),
        ),
        (
            "bits that overflow",
            tensor_file(one("F64", "[2305843009213693952]", "[0,0]"), 0),
            Refused("or too many"),
        ),
        (
            "a product that overflows before a zero",
            tensor_file(one("F32", "[9223372036854775808,4,0]", "[0,0]"), 0),
            Refused("or too many"),
        ),
        (
            "nothing, although a size is huge",
            tensor_file(one("F32", "[0,18446744073709551615]", "[0,0]"), 0),
            Read,
        ),
        (
            "a size of 2^64",
            tensor_file(one("F32", "[18446744073709551616]", "[0,4]"), 4),
            Refused("tensor `a`: invalid type: floating point"),
        ),
        (
            "a size of ten thousand digits",
            tensor_file(long_integer, 1),
            Refused("tensor `a`: "),
        ),
        (
            "a negative size",
            tensor_file(one("F32", "[-1]", "[0,4]"), 4),
            Refused("tensor `a`: invalid value: integer `-1`"),
        ),
        (
            "a size with a point",
            tensor_file(one("F32", "[1.0]", "[0,4]"), 4),
            Refused("tensor `a`: invalid type: floating point `1.0`"),
        ),
        (
            "a size that is a text",
            tensor_file(one("F32", "[\"1\"]", "[0,4]"), 4),
            Refused("tensor `a`: invalid type: string"),
        ),
        (
            "a shape that is a number",
            tensor_file(one("F32", "1", "[0,4]"), 4),
            Refused("tensor `a`: invalid type: integer"),
        ),
        (
            "a shape that is null",
            tensor_file(one("F32", "null", "[0,4]"), 4),
            Refused("tensor `a`: invalid type: null"),
        ),
        (
            "seventeen dimensions",
            tensor_file(
                one("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"),
                4,
            ),
            Refused("tensor `a`: a list has more than 16 entries"),
        ),
        (
            "sixteen dimensions",
            tensor_file(one("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"), 4),
            Read,
        ),
        (
            "another shape than the bytes",
            tensor_file(one("F32", "[2]", "[0,4]"), 4),
            Refused(
                "tensor `a`: it has offsets [0, 4], expected 8 bytes by shape [2] and type `F32`",
            ),
        ),
        (
            "another type than the bytes",
            tensor_file(one("F64", "[1]", "[0,4]"), 4),
            Refused("expected 8 bytes by shape [1] and type `F64`"),
        ),
        // Offsets.
        (
            "offsets in reverse",
            tensor_file(one("F32", "[1]", "[4,0]"), 4),
            Refused("tensor `a`: it has offsets [4, 0]"),
        ),
        (
            "one offset",
            tensor_file(one("F32", "[1]", "[0]"), 4),
            Refused("tensor `a`: invalid length 1"),
        ),
        (
            "three offsets",
            tensor_file(one("F32", "[1]", "[0,4,8]"), 4),
            Refused("tensor `a`: "),
        ),
        (
            "negative offsets",
            tensor_file(one("F32", "[1]", "[-4,0]"), 4),
            Refused("tensor `a`: invalid value: integer `-4`"),
        ),
        (
            "an offset of minus zero",
            tensor_file(one("F32", "[1]", "[-0,4]"), 4),
            Refused("tensor `a`: invalid type: floating point"),
        ),
        (
            "offsets with points",
            tensor_file(one("F32", "[1]", "[0.0,4.0]"), 4),
            Refused("tensor `a`: invalid type: floating point"),
        ),
        (
            "offsets with an exponent",
            tensor_file(one("F32", "[1]", "[0,1e300]"), 4),
            Refused("tensor `a`: invalid type: floating point"),
        ),
        (
            "an exponent beyond all numbers",
            tensor_file(one("F32", "[1]", "[0,1e999999999]"), 4),
            Refused("tensor `a`: number out of range"),
        ),
        (
            "an offset of a million digits",
            tensor_file(many_digits, 4),
            Refused("tensor `a`: "),
        ),
        (
            "offsets that are texts",
            tensor_file(one("F32", "[1]", "[\"0\",\"4\"]"), 4),
            Refused("tensor `a`: invalid type: string"),
        ),
        (
            "offsets that are NaN",
            tensor_file(one("F32", "[1]", "[NaN,4]"), 4),
            Refused("tensor `a`: expected value"),
        ),
        (
            "offsets near 2^64",
            tensor_file(
                one("F32", "[1]", "[18446744073709551611,18446744073709551615]"),
                4,
            ),
            Refused("but the data 4 bytes"),
        ),
        (
            "data that ends too early",
            tensor_file(one("F32", "[1]", "[0,4]"), 3),
            Refused("tensor `a`: it has offsets [0, 4], but the data 3 bytes"),
        ),
        (
            "no data",
            tensor_file(one("F32", "[1]", "[0,4]"), 0),
            Refused("tensor `a`: it has offsets [0, 4], but the data 0 bytes"),
        ),
        (
            "a byte behind the data",
            tensor_file(one("F32", "[1]", "[0,4]"), 5),
            Refused("its data has 5 bytes, expected 4"),
        ),
        (
            "data of no tensor",
            tensor_file("{}", 8),
            Refused("its data has 8 bytes, expected 0"),
        ),
        (
            "a hole at the beginning",
            tensor_file(one("F32", "[1]", "[4,8]"), 8),
            Refused("tensor `a` begins at byte 4 of the data, expected 0"),
        ),
        (
            "a hole in the middle",
            tensor_file(two("[0,4]", "[5,9]"), 9),
            Refused("tensor `b` begins at byte 5 of the data, expected 4"),
        ),
        (
            "all at one place",
            tensor_file(two("[0,4]", "[0,4]"), 4),
            Refused("tensor `b`: it overlaps others"),
        ),
        (
            "an overlap with a hole",
            tensor_file(two("[0,4]", "[2,6]"), 8),
            Refused("tensor `b` begins at byte 2 of the data, expected 4"),
        ),
        (
            "an empty tensor inside another",
            tensor_file(
                format!(
                    "{{{},{}}}",
                    entry("a", "U8", "[4]", "[0,4]"),
                    entry("b", "U8", "[0]", "[2,2]")
                ),
                4,
            ),
            Refused("tensor `b` begins at byte 2"),
        ),
        (
            "an empty tensor behind the data",
            tensor_file(one("U8", "[0]", "[9,9]"), 4),
            Refused("tensor `a`: it has offsets [9, 9], but the data 4 bytes"),
        ),
        (
            "empty tensors at one place",
            tensor_file(
                format!(
                    "{{{},{},{}}}",
                    entry("b", "U8", "[0]", "[0,0]"),
                    entry("c", "F32", "[7,0]", "[0,0]"),
                    entry("a", "F32", "[]", "[0,4]")
                ),
                4,
            ),
            Read,
        ),
        (
            "tensors in any order",
            tensor_file(two("[4,8]", "[0,4]"), 8),
            Read,
        ),
        ("no tensor", tensor_file("{}", 0), Read),
        (
            "a name that is empty",
            tensor_file(format!("{{{}}}", entry("", "F32", "[]", "[0,4]")), 4),
            Read,
        ),
        // Depth.
        (
            "lists ten thousand deep as a tensor",
            tensor_file(format!("{{\"a\":{deep}"), 0),
            Refused("tensor `a`: "),
        ),
        (
            "lists ten thousand deep as a shape",
            tensor_file(one("U8", &deep_closed, "[0,1]"), 1),
            Refused("tensor `a`: "),
        ),
        (
            "lists ten thousand deep as metadata",
            tensor_file(format!("{{\"__metadata__\":{deep}"), 0),
            Refused("`__metadata__`: "),
        ),
        (
            "objects ten thousand deep as metadata",
            tensor_file(format!("{{\"__metadata__\":{deep_objects}}}"), 0),
            Refused("`__metadata__`: "),
        ),
        (
            "lists ten thousand deep under a strange key",
            tensor_file(one("F32", "[1]", &format!("[0,4],\"x\":{deep_closed}")), 4),
            Read,
        ),
        // Messages.
        (
            "a name that clears the terminal",
            tensor_file(
                format!("{{{}}}", entry("\\u001b[2J", "U8", "[9]", "[0,0]")),
                0,
            ),
            Refused("tensor `\\u{1b}[2J`: "),
        ),
        (
            "integers under a name that clears the terminal",
            tensor_file(
                format!("{{{}}}", entry("\\u001b[2J", "U8", "[1]", "[0,1]")),
                1,
            ),
            Read,
        ),
        (
            "a type that clears the terminal",
            tensor_file(one("\\u001b[2J", "[0]", "[0,0]"), 0),
            Refused("tensor `a`: unknown variant"),
        ),
    ];
    let mut cost = Cost::default();
    for (name, bytes, end) in cases {
        model(&mut cost, name, end, &[(SINGLE, &bytes)]);
    }
    cost.report("hostile_safetensors");
}
