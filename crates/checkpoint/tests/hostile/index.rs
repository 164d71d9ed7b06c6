//! Indices that lie about the files beside them.

use crate::case::{Cost, End, entry, model, object, tensor_file};

use End::{Read, Refused};

pub(crate) const INDEX: &str = "model.safetensors.index.json";

const MOST: usize = 8 << 20;

fn shard(names: &[&str]) -> Vec<u8> {
    let entry = |at: usize| entry(names[at], "U8", "[1]", &format!("[{at},{}]", at + 1));
    tensor_file(object(names.len(), entry), names.len())
}

#[test]
fn lies() {
    let map = |entries: &str| format!(r#"{{"weight_map":{{{entries}}}}}"#);
    let both = r#""a":"x.safetensors","b":"x.safetensors","c":"y.safetensors""#;
    let deep = "[".repeat(10_000);
    let long = "n".repeat(100_000);
    let cases: Vec<(&str, String, End)> = vec![
        ("what is right", map(both), Read),
        ("no tensor", map(""), Read),
        ("nothing", String::new(), Refused("wrong at byte 0: EOF")),
        (
            "an empty object",
            "{}".into(),
            Refused("missing field `weight_map`"),
        ),
        (
            "a list",
            "[]".into(),
            Refused("invalid type: sequence, expected an object with `weight_map`"),
        ),
        (
            "a text",
            "\"weight_map\"".into(),
            Refused("invalid type: string"),
        ),
        ("null", "null".into(), Refused("invalid type: null")),
        (
            "half of it",
            map(both)[..40].into(),
            Refused("wrong at byte 39: tensor `b`: EOF"),
        ),
        (
            "more behind it",
            format!("{}x", map(both)),
            Refused("trailing characters"),
        ),
        (
            "a map that is a list",
            r#"{"weight_map":[]}"#.into(),
            Refused("invalid type: sequence, expected an object with the file of each tensor"),
        ),
        (
            "a map that is null",
            r#"{"weight_map":null}"#.into(),
            Refused("invalid type: null"),
        ),
        (
            "a file that is a number",
            map(r#""a":1"#),
            Refused("tensor `a`: invalid type: integer `1`"),
        ),
        (
            "a file that is null",
            map(r#""a":null"#),
            Refused("tensor `a`: invalid type: null"),
        ),
        (
            "a file that is a list",
            map(r#""a":["x.safetensors"]"#),
            Refused("tensor `a`: invalid type: sequence"),
        ),
        (
            "metadata that is a number",
            format!(r#"{{"metadata":1,{}"#, &map(both)[1..]),
            Refused("invalid type: integer `1`, expected an object"),
        ),
        (
            "metadata with any size",
            format!(
                r#"{{"metadata":{{"total_size":-1e300}},{}"#,
                &map(both)[1..]
            ),
            Read,
        ),
        (
            "metadata twice",
            format!(r#"{{"metadata":{{}},"metadata":{{}},{}"#, &map(both)[1..]),
            Refused("the name `metadata` comes twice"),
        ),
        ("a strange key", format!(r#"{{"x":{deep}"#), Refused("EOF")),
        (
            "two maps",
            format!(r#"{{"weight_map":{{}},{}"#, &map(both)[1..]),
            Refused("the name `weight_map` comes twice"),
        ),
        (
            "a tensor twice, in one file",
            map(&format!(r#"{both},"a":"x.safetensors""#)),
            Refused("the tensor `a` comes twice"),
        ),
        (
            "a tensor twice, in two files",
            map(&format!(r#"{both},"a":"y.safetensors""#)),
            Refused("the tensor `a` comes twice"),
        ),
        (
            "a tensor twice, once by escapes",
            map(&format!(r#"{both},"\u0061":"x.safetensors""#)),
            Refused("the tensor `a` comes twice"),
        ),
        (
            "a tensor that is missing",
            map(&format!(r#"{both},"d":"y.safetensors""#)),
            Refused("tensor `d` should lie in `y.safetensors`, which lacks it"),
        ),
        (
            "a tensor in the wrong file",
            map(r#""a":"y.safetensors""#),
            Refused("tensor `a` should lie in `y.safetensors`, which lacks it"),
        ),
        (
            "a tensor too many",
            map(r#""a":"x.safetensors","c":"y.safetensors""#),
            Refused("it does not list tensor `b`, which lies in `x.safetensors`"),
        ),
        (
            "a tensor in two files",
            map(&format!(r#"{both},"d":"z.safetensors""#)),
            Refused("tensor `a` lies in `z.safetensors` too"),
        ),
        (
            "a file that is not there",
            map(r#""a":"w.safetensors""#),
            Refused("tensor `a` lies in `w.safetensors`, which is not there"),
        ),
        (
            "a file that is none of safetensors",
            map(r#""a":"v.safetensors""#),
            Refused("v.safetensors` is not a valid safetensors file"),
        ),
        (
            "a pickle",
            map(r#""a":"pytorch_model.bin""#),
            Refused(
                "tensor `a` lies in `pytorch_model.bin`, which is not named as a safetensors file",
            ),
        ),
        (
            "the index itself",
            map(&format!("\"a\":\"{INDEX}\"")),
            Refused("which is not named as a safetensors file"),
        ),
        (
            "the folder above",
            map(r#""a":"../x.safetensors""#),
            Refused("tensor `a` lies in `../x.safetensors`, which is not a plain file name"),
        ),
        (
            "the folder above, alone",
            map(r#""a":"..""#),
            Refused("which is not a plain file name"),
        ),
        (
            "the folder",
            map(r#""a":".""#),
            Refused("which is not named as a safetensors file"),
        ),
        (
            "a folder in it",
            map(r#""a":"sub/x.safetensors""#),
            Refused("which is not a plain file name"),
        ),
        (
            "the folder, in other words",
            map(r#""a":"./x.safetensors""#),
            Refused("which is not a plain file name"),
        ),
        (
            "an absolute path",
            map(r#""a":"/etc/passwd""#),
            Refused("which is not a plain file name"),
        ),
        (
            "a path of Windows",
            map(r#""a":"..\\x.safetensors""#),
            Refused("which is not a plain file name"),
        ),
        (
            "no file",
            map(r#""a":"""#),
            Refused("which is not named as a safetensors file"),
        ),
        (
            "a zero in the file's name",
            map(r#""a":"x\u0000.safetensors""#),
            Refused("which is not a plain file name"),
        ),
        (
            "a newline in the file's name",
            map(r#""a":"x\n.safetensors""#),
            Refused("`x\\n.safetensors` is not a plain file name"),
        ),
        (
            "a file's name of 100,000 bytes",
            map(&format!(r#""a":"{long}.safetensors""#)),
            Refused("is not a plain file name"),
        ),
        (
            "a tensor's name of 100,000 bytes",
            map(&format!(r#""{long}":"x.safetensors""#)),
            Refused("more characters)` should lie in"),
        ),
        (
            "names that clear the terminal",
            map(r#""\u001b[2J":"\u001b[2J""#),
            Refused("tensor `\\u{1b}[2J` lies in `\\u{1b}[2J`"),
        ),
    ];
    let mut cost = Cost::default();
    let shards: [(&str, Vec<u8>); 4] = [
        ("x.safetensors", shard(&["a", "b"])),
        ("y.safetensors", shard(&["c"])),
        ("z.safetensors", shard(&["a", "d"])),
        ("v.safetensors", vec![0; 100]),
    ];
    for (name, index, end) in cases {
        let mut files = vec![(INDEX, index.as_bytes())];
        files.extend(shards.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
        model(&mut cost, name, end, &files);
    }
    let bytes = b"{\"weight_map\":{\"a\":\"\xff\"}}";
    model(
        &mut cost,
        "not UTF-8",
        Refused("not UTF-8 at byte 20"),
        &[(INDEX, bytes)],
    );
    // As with other readers, the index does not count where a single file is.
    let single = shard(&["a"]);
    let files: [(&str, &[u8]); 2] = [("model.safetensors", &single), (INDEX, b"{")];
    model(&mut cost, "a single file beside it", Read, &files);
    cost.report("hostile_index");
}

#[test]
fn large_lies() {
    let filled = |begin: &str, filling: &str, end: &str| {
        let room = MOST - begin.len() - end.len();
        format!("{begin}{}{end}", filling.repeat(room / filling.len()))
    };
    let tensors = 30_000;
    let names = |at: usize| format!("{at:x}");
    let right = object(1, |_| {
        format!(
            "\"weight_map\":{}",
            object(tensors, |at| format!("\"{}\":\"x.safetensors\"", names(at)))
        )
    });
    let shard = |tensors: usize| {
        tensor_file(
            object(tensors, |at| entry(&names(at), "U8", "[0]", "[0,0]")),
            0,
        )
    };
    let (large, larger, largest) = (
        "it has 8388609 bytes, more than the 8388608 that are read",
        r#"{"weight_map":{"#,
        "brings more tensors than the 30000 that are read",
    );
    let cases: Vec<(&str, String, End)> = vec![
        ("as many tensors as there are", right.clone(), Read),
        (
            "as many, the last one lies",
            right.replace("}}", r#","z":1}}"#),
            Refused("tensor `z`: invalid type"),
        ),
        ("a byte too large", " ".repeat(MOST + 1), Refused(large)),
        (
            "lists in metadata",
            filled(r#"{"metadata":{"a":["#, "0,", r#"0]},"weight_map":{}}"#),
            Read,
        ),
        (
            "lists millions deep",
            filled(r#"{"metadata":{"a":"#, "[", ""),
            Refused("EOF"),
        ),
        (
            "a long name",
            filled("{\"weight_map\":{\"", "n", "\":\"x.safetensors\"}}"),
            Refused("should lie in"),
        ),
        (
            "a long file",
            filled("{\"weight_map\":{\"a\":\"", "n", ".safetensors\"}}"),
            Refused("is not a plain file name"),
        ),
        (
            "one tensor ever again",
            filled(larger, r#""0":"x.safetensors","#, ""),
            Refused("the tensor `0` comes twice"),
        ),
        (
            "too many tensors",
            r#"{"weight_map":{"0":"y.safetensors"}}"#.into(),
            Refused(largest),
        ),
    ];
    let files = [
        ("x.safetensors", shard(tensors)),
        ("y.safetensors", shard(30_001)),
    ];
    let mut cost = Cost::default();
    for (name, index, end) in cases {
        let [x, y] = &files;
        model(
            &mut cost,
            name,
            end,
            &[(INDEX, index.as_bytes()), (x.0, &x.1), (y.0, &y.1)],
        );
    }
    cost.report("large_index");
}
