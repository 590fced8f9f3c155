"""MRTD of a firmware file, written apart from src/measure and in another way: the whole transcript first, then one hash.

    python3 mrtd.py FILE page|section
"""
import hashlib
import struct
import sys
import uuid

data = open(sys.argv[1], "rb").read()
needle = uuid.UUID("e47a6535-984a-4798-865e-4685a7bf8ec2").bytes_le
# Not a walk through the table: the GUID occurs once, with a length of 22 and the offset from the end before it.
at = data.rindex(needle)
offset, length = struct.unpack("<IH", data[at - 6 : at])
assert length == 22
start = len(data) - offset
magic, _, version, count = struct.unpack("<4sIII", data[start : start + 16])
assert magic == b"TDVF" and version == 1

transcript = []
for number in range(count):
    begin = start + 16 + 32 * number
    data_offset, raw, address, size, _, attributes = struct.unpack("<IIQQII", data[begin : begin + 32])
    memory = data[data_offset : data_offset + raw].ljust(size, b"\0")
    adds = [] if attributes & 2 else [
        (page, 0, struct.pack("<12s4xQ104x", b"MEM.PAGE.ADD", address + page)) for page in range(0, size, 4096)
    ]
    extends = [] if not attributes & 1 else [
        (chunk, 1, struct.pack("<9s7xQ104x", b"MR.EXTEND", address + chunk) + memory[chunk : chunk + 256])
        for chunk in range(0, size, 256)
    ]
    if sys.argv[2] == "page":
        steps = sorted(adds + extends, key=lambda step: (step[0] // 4096, step[1], step[0]))
    else:
        steps = adds + extends
    transcript += [step[2] for step in steps]
print(hashlib.sha384(b"".join(transcript)).hexdigest())
