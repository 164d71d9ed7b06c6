"""The characters that stand for bytes in a byte-level `tokenizer.json`."""


def alphabet():
    """Printable Latin-1 for itself; the others take the code points from U+0100 on, in byte order."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(256 + index): byte for index, byte in enumerate(moved)}}


BYTE_OF = alphabet()
CHARACTER_OF = {byte: character for character, byte in BYTE_OF.items()}
