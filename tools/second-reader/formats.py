# SPDX-License-Identifier: Apache-2.0
"""The binary and text forms of docs/FORMAT.md, sections 1 to 5. Every function refuses what is not exactly one."""
import base64
import hashlib
import re
import struct
from dataclasses import dataclass


SIZE_LIMIT = 2 ** 53
PLAIN_MAX = 64 * 1024 * 1024


class Invalid(Exception):
    """Something is not what docs/FORMAT.md says, or not what the log says of it."""


def require(holds, what):
    if not holds:
        raise Invalid(what)


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


class Cursor:
    """Reads big-endian values one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        require(self.at + length <= len(self.data), "truncated: %d octets are needed at %d of %d" % (length, self.at, len(self.data)))
        self.at += length
        return self.data[self.at - length:self.at]

    def number(self, octets):
        return int.from_bytes(self.take(octets), "big")

    def u8(self):
        return self.number(1)

    def u16(self):
        return self.number(2)

    def u32(self):
        return self.number(4)

    def u64(self):
        return self.number(8)

    def size(self):
        value = self.u64()
        require(value < SIZE_LIMIT, "%d is no size, index or sequence" % value)
        return value

    def str16(self):
        try:
            return self.take(self.u16()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid("a text is not UTF-8") from error

    def end(self):
        require(self.at == len(self.data), "%d octets are left over" % (len(self.data) - self.at))


# Section 1

KINDS = ["data", "cut", "end", "event", "gap"]
BOUND_UNKNOWN = 2 ** 64 - 1


def read_context(data):
    cursor = Cursor(data)
    require(cursor.u8() == 1, "a context of an unknown version")
    kind, flags = cursor.u8(), cursor.u8()
    require(kind < len(KINDS) and flags & ~3 == 0, "a context of unknown kind or flags")
    context = {"kind": KINDS[kind], "flags": flags}
    for name in ("receivedAt", "bound", "admittedAt"):
        context[name] = cursor.u64()
    context["asserter"] = cursor.str16()
    context["instance"] = cursor.take(16).hex()
    context["source"] = cursor.str16()
    context["sourceKey"] = cursor.take(32).hex()
    context["protocol"] = cursor.str16()
    context["peer"] = cursor.str16()
    context["stream"] = cursor.take(16).hex()
    if context["kind"] == "cut":
        context["fullLength"] = cursor.u64()
        context["fullHash"] = cursor.take(32).hex()
    cursor.end()
    return context


def record_leaf(salt, context, sequence, raw):
    return sha256(b"\0", salt, sha256(context), struct.pack(">Q", sequence), raw)


def entry_leaf(entry):
    return sha256(b"\0", entry)


def node(left, right):
    return sha256(b"\1", left, right)


class Tree:
    """A growing tree: its perfect subtrees, largest first, each with its height."""

    def __init__(self, leaves=()):
        self.subtrees = []
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf):
        self.subtrees.append((0, leaf))
        while len(self.subtrees) > 1 and self.subtrees[-1][0] == self.subtrees[-2][0]:
            (height, right), (_, left) = self.subtrees.pop(), self.subtrees.pop()
            self.subtrees.append((height + 1, node(left, right)))

    def head(self):
        if not self.subtrees:
            return sha256()
        head = self.subtrees[-1][1]
        for _, left in reversed(self.subtrees[:-1]):
            head = node(left, head)
        return head


def tree_head(leaves):
    """RFC 6962 section 2.1. An odd last node goes up as it is, which gives the same tree as splitting from the left."""
    if not leaves:
        return sha256()
    while len(leaves) > 1:
        paired = [node(leaves[i], leaves[i + 1]) for i in range(0, len(leaves) - 1, 2)]
        leaves = paired + leaves[len(paired) * 2:]
    return leaves[0]


# Section 2

@dataclass
class Run:
    context: bytes
    first: int
    records: list


def read_batch(plain):
    cursor = Cursor(plain)
    require(cursor.take(4) == b"SRB1", "a batch of an unknown version")
    seed, runs = cursor.take(32), []
    for _ in range(cursor.u32()):
        context = cursor.take(cursor.u32())
        first, count, length = cursor.size(), cursor.u32(), cursor.u32()
        lengths = struct.unpack(">%dI" % count, cursor.take(4 * count))
        require(sum(lengths) == length, "the lengths of a run are not those of its data")
        runs.append(Run(context, first, [cursor.take(one) for one in lengths]))
    cursor.end()
    return seed, runs


# Section 3

@dataclass
class Header:
    origin: str
    segment: str
    created: int
    retention: str
    bucket: str
    key: str
    commitment: bytes
    raw: bytes


def read_header(data):
    """The header at the beginning of a segment's logical bytes."""
    cursor = Cursor(data)
    require(cursor.take(8) == b"SRSEG01\n", "a segment of an unknown version")
    fields = (cursor.str16(), "%016x" % cursor.u64(), cursor.u64(), cursor.str16(), cursor.str16(), cursor.str16(), cursor.take(32))
    return Header(*fields, raw=data[:cursor.at])


@dataclass
class Frame:
    index: int
    final: bool
    compressed: bool
    plain_length: int
    nonce: bytes
    sealed: bytes
    bound: bytes


def read_frame(data):
    cursor = Cursor(data)
    require(cursor.take(4) == b"SRF1", "no frame begins here")
    index, flags, zero = cursor.u32(), cursor.u8(), cursor.take(3)
    require(flags & ~3 == 0 and zero == b"\0\0\0", "a frame with unknown flags")
    plain_length, sealed_length = cursor.u32(), cursor.u32()
    require(plain_length <= PLAIN_MAX and sealed_length <= PLAIN_MAX + 16, "a frame above the limit")
    frame = Frame(index, flags & 1 == 1, flags & 2 == 2, plain_length, cursor.take(24), cursor.take(sealed_length), data[:20])
    cursor.end()
    return frame


def read_wrapped_key(data):
    cursor = Cursor(data)
    require(cursor.take(7) == b"SRWK01\n", "a wrapped key of an unknown version")
    wrapped = (cursor.str16(), cursor.take(12), cursor.take(32) + cursor.take(16))
    cursor.end()
    return wrapped


# Section 4

def whole(text, limit=SIZE_LIMIT):
    require(re.fullmatch(r"0|[1-9][0-9]{0,19}", text, re.ASCII) and int(text) < limit, "%r is no whole number in its range" % text)
    return int(text)


def time(text):
    return whole(text, 2 ** 64)


def base64_hash(text):
    data = base64.b64decode(text.encode("ascii"), validate=True) if re.fullmatch(r"[A-Za-z0-9+/]{43}=", text, re.ASCII) else b""
    require(len(data) == 32 and base64.b64encode(data).decode() == text, "%r is no hash" % text)
    return data


def segment_id(text):
    require(re.fullmatch(r"[0-9a-f]{16}", text), "%r is no segment" % text)
    return text


def word(text):
    require(re.fullmatch(r"[!-~]{1,128}", text), "%r is no word" % text)
    return text


def identifier(text):
    require(re.fullmatch(r"[0-9a-f]{32}", text, re.ASCII), "%r is no id" % text)
    return text


def words(text):
    require(re.fullmatch(r"[!-+\--~]{1,128}(,[!-+\--~]{1,128}){0,63}", text, re.ASCII), "%r are no words" % text)
    return text.split(",")


def ranges(text):
    """Pairs of first and last segment."""
    found, free = [], 1
    for part in [] if text == "-" else text.split(","):
        match = re.fullmatch(r"([1-9a-f][0-9a-f]*)(?:-([1-9a-f][0-9a-f]*))?", part, re.ASCII)
        require(match and len(text) <= 60000, "%r is no set of segments" % text)
        first, last = int(match[1], 16), int(match[2] or match[1], 16)
        require(free <= first <= last < SIZE_LIMIT and (match[2] is None or first < last), "%r is no set of segments" % text)
        found.append({"first": first, "last": last})
        free = last + 2
    return found


def in_ranges(found, segment):
    return any(one["first"] <= int(segment, 16) <= one["last"] for one in found)


FIELDS = {
    "batch": [
        ("records", whole), ("bytes", whole), ("from", time), ("to", time), ("root", base64_hash), ("segment", segment_id), ("header", base64_hash),
        ("frame", whole), ("offset", whole), ("length", whole), ("digest", base64_hash), ("key", word),
    ],
    "close": [("segment", segment_id), ("frames", whole), ("length", whole), ("digest", base64_hash), ("state", word)],
    "heartbeat": [("time", time)],
    "start": [("time", time), ("size", whole), ("rewritten", whole)],
    "hold": [("time", time), ("hold", identifier), ("document", base64_hash)],
    "release": [("time", time), ("hold", identifier), ("order", identifier), ("approvals", base64_hash)],
    "destroy": [
        ("time", time), ("class", word), ("bucket", word), ("keys", words), ("segments", ranges), ("held", ranges), ("batches", whole),
        ("records", whole), ("bytes", whole), ("order", identifier), ("approvals", base64_hash),
    ],
    "destroyed": [("time", time), ("order", identifier), ("keys", words), ("files", whole), ("copies", words)],
    "rollback": [
        ("time", time), ("origin", word), ("size", whole), ("root", base64_hash), ("seen", whole), ("seen-root", base64_hash), ("order", identifier),
        ("approvals", base64_hash),
    ],
    "rotate": [("time", time), ("from", word), ("to", word)],
}


def read_lines(text, fields):
    """The values of the lines after the first, which must be exactly these."""
    lines = text.split("\n")
    require(len(lines) == len(fields) + 2 and lines[-1] == "", "%r with another number of lines" % lines[0])
    values = {}
    for (name, parse), line in zip(fields, lines[1:]):
        require(line.startswith(name + " "), "%r in place of %s" % (line, name))
        values[name] = parse(line[len(name) + 1:])
    return values


def read_entry(data):
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise Invalid("an entry is not ASCII") from error
    kind = re.match(r"strongroom ([a-z]+) v1\n", text)
    require(kind and kind[1] in FIELDS, "an entry of an unknown kind or version: %r" % text[:40])
    entry = {"kind": kind[1], **read_lines(text, FIELDS[kind[1]])}
    require(entry.get("state") in (None, "whole", "torn"), "a segment closed in an unknown state")
    return entry


def read_bundle(data):
    cursor, entries = Cursor(data), []
    while cursor.at < len(data):
        entries.append(cursor.take(cursor.u16()))
    return entries


# Section 5

def read_commit_records(data):
    """Whole records of a file of the commit log, in order; a torn end is no part of it."""
    before, at = bytes(32), 0
    while at + 37 <= len(data):
        end = at + 5 + int.from_bytes(data[at:at + 4], "big")
        digest = sha256(before, data[at:end])
        if data[end:end + 32] != digest:
            return
        yield read_commit(data[at + 4], data[at + 5:end])
        before, at = digest, end + 32


def read_commit(kind, body):
    cursor = Cursor(body)
    version = cursor.u8()
    require(kind in (1, 2) and 1 <= version <= (4 if kind == 1 else 3), "a commit record of an unknown version or type")
    record = {"snapshot": kind == 1, "size": cursor.size(), "entries": []}
    if kind == 1:
        record["totals"] = (cursor.size(), cursor.size(), cursor.size())
        record["nextSegment"] = cursor.size()
        count = cursor.u32() if version > 1 else 1 if flag(cursor) else 0
        record["open"] = [{"id": cursor.size(), "length": cursor.size(), "frames": cursor.u32()} for _ in range(count)]
        record["holds"] = [{"hold": cursor.take(16).hex(), "document": cursor.take(32).hex()} for _ in range(cursor.u32() if version > 1 else 0)]
        record["destroying"] = [cursor.take(cursor.u16()) for _ in range(cursor.u32() if version > 1 else 0)]
    else:
        record["entries"] = [cursor.take(cursor.u16()) for _ in range(cursor.u32())]
    record["producers"] = [read_producer(cursor, version - 1 if kind == 1 else version) for _ in range(cursor.u32())]
    record["checkpoint"] = cursor.take(cursor.u16())
    cursor.end()
    return record


def read_producer(cursor, form):
    """Forms: 1 without denials, 2 with them, 3 with the number up to which they were heard."""
    producer = {"instance": cursor.take(16), "service": cursor.str16(), "last": cursor.size(), "digest": cursor.take(32), "seen": cursor.u64()}
    producer["token"] = cursor.take(cursor.u16())
    require(len(producer["token"]) <= 256, "a resume token of more than 256 octets")
    producer["streams"] = [(cursor.take(16), cursor.size(), flag(cursor), cursor.str16()) for _ in range(cursor.u32())]
    producer["heard"] = cursor.size() if form > 2 else 0
    producer["denials"] = [(cursor.size(), cursor.take(16), cursor.str16()) for _ in range(cursor.u32() if form > 1 else 0)]
    return producer


def flag(cursor):
    value = cursor.u8()
    require(value in (0, 1), "a flag that is neither 0 nor 1")
    return value == 1


def climb(leaf, index, size, path):
    if size == 1:
        require(not path, "a path is too long")
        return leaf
    require(path and len(path[-1]) == 32, "a path is too short")
    split = 1 << (size - 1).bit_length() - 1
    if index < split:
        return node(climb(leaf, index, split, path[:-1]), path[-1])
    return node(path[-1], climb(leaf, index - split, size - split, path[:-1]))
