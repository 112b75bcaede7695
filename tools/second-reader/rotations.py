# SPDX-License-Identifier: Apache-2.0
"""The keys of a log over time, docs/FORMAT.md section 4: what leads from one key to the next, and whose word a checkpoint is."""
import base64
import re

from formats import Invalid, base64_hash, climb, entry_leaf, read_entry, require, whole
from notes import LogKey


class Rotation:
    """A C2SP tlog-proof of the entry that names a log's next key, signed by both."""

    def __init__(self, data):
        head, separator, self.note = data.partition(b"\n\n")
        require(separator, "a rotation without a checkpoint")
        lines = head.decode("utf-8", "replace").split("\n")
        require(len(lines) >= 3 and lines[0] == "c2sp.org/tlog-proof@v1", "this is no C2SP tlog-proof")
        require(lines[1].startswith("extra ") and lines[2].startswith("index "), "a rotation without entry or index")
        self.entry = base64.b64decode(lines[1][6:], validate=True)
        require(base64.b64encode(self.entry).decode() == lines[1][6:], "the entry of a rotation is not plain base64")
        read = read_entry(self.entry)
        require(read["kind"] == "rotate", "the entry of a rotation is a %s" % read["kind"])
        self.before, self.after = read["from"], read["to"]
        self.keys = (LogKey(self.before), LogKey(self.after))
        require(self.keys[0].name == self.keys[1].name and self.before != self.after, "a rotation to another log's key, or to the same")
        self.size, root = self.keys[0].checkpoint(self.note)
        require(self.keys[1].checkpoint(self.note) == (self.size, root), "both keys sign one checkpoint")
        require(whole(lines[2][6:]) == self.size - 1, "the entry of a rotation is not the last")
        require(climb(entry_leaf(self.entry), self.size - 1, self.size, [base64_hash(line) for line in lines[3:]]) == root, "the path of a rotation leads elsewhere")


class Keys:
    """Stands in for a single key: a checkpoint is by the key of its epoch."""

    def __init__(self, line, rotations):
        ordered = sorted(rotations, key=lambda one: one.size)
        linked, first, last = [], line, line
        for rotation in reversed(ordered):
            if rotation.after == first and (not linked or rotation.size < linked[0].size):
                linked.insert(0, rotation)
                first = rotation.before
        for rotation in ordered:
            if rotation.before == last and (not linked or rotation.size > linked[-1].size):
                linked.append(rotation)
                last = rotation.after
        lines = [first] + [rotation.after for rotation in linked]
        sizes = [0] + [rotation.size for rotation in linked] + [None]
        self.linked = {rotation.size: rotation for rotation in linked}
        self.epochs = [(LogKey(one), sizes[i], sizes[i + 1]) for i, one in enumerate(lines)]
        self.name = self.epochs[0][0].name

    def checkpoint(self, note):
        reasons = []
        for key, low, high in reversed(self.epochs):
            try:
                size, root = key.checkpoint(note)
            except Invalid as invalid:
                reasons.append(str(invalid))
                require("did not sign" in str(invalid), str(invalid))
                continue
            if size >= low and (high is None or size <= high):
                return size, root
            reasons.append("a checkpoint of %d entries by a key of another epoch" % size)
        raise Invalid(reasons[0])


def rotation_size(name):
    match = re.fullmatch(r"(0|[1-9][0-9]{0,15})\.tlog-proof", name)
    return int(match[1]) if match else None
