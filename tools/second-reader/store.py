# SPDX-License-Identifier: Apache-2.0
"""A store that stands still, checked from its signature down to each record."""
import os
import re

from orders import read_order_file
from formats import (
    Tree, in_ranges, entry_leaf, read_batch, read_bundle, read_commit_records, read_context, read_entry, read_frame, read_header, record_leaf, require, sha256, tree_head,
)
from rotations import Keys, Rotation, rotation_size
from sealing import open_frame, salts


class Store:
    def __init__(self, path, vkey, data_keys=None):
        self.path, self.data_keys = path, data_keys
        self.key = Keys(vkey, [self.rotation(name) for name in self.names("rotations") if rotation_size(name) is not None])
        self.counts = {"logSize": 0, "batches": 0, "records": 0, "segments": 0, "destroyed": 0}

    def file(self, *names):
        path = os.path.join(self.path, *names)
        require(os.path.isfile(path), "%s is missing" % "/".join(names))
        with open(path, "rb") as file:
            return file.read()

    def rotation(self, name):
        rotation = Rotation(self.file("rotations", name))
        require(rotation.size == rotation_size(name), "%s is of %d entries" % (name, rotation.size))
        return rotation

    def names(self, directory):
        path = os.path.join(self.path, directory)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def records(self):
        """Every record, each after all that vouches for it was checked; the rest of the store is checked on the way."""
        size, root = self.key.checkpoint(self.file("log", "checkpoint"))
        entries = self.log(size, root)
        self.counts["logSize"] = size
        segments, read = {}, [read_entry(data) for data in entries]
        destructions = [entry for entry in read if entry["kind"] == "destroy"]
        orders = {}
        for index, entry in enumerate(read):
            if entry["kind"] in ("batch", "close"):
                name = entry["segment"]
                gone = any(in_ranges(one["segments"], name) for one in destructions)
                segment = segments.setdefault(name, None) or (Destroyed if gone else Segment)(self, name)
                segments[name] = segment
                yield from getattr(segment, entry["kind"])(entry, index)
            elif entry["kind"] == "destroy":
                require(entry["order"] not in orders, "entry %d carries an order out again" % index)
                orders[entry["order"]] = self.destruction(entry, index, segments)
            elif entry["kind"] == "destroyed":
                require(orders.get(entry["order"]), "entry %d ends a destruction that is not under way" % index)
                orders[entry["order"]] = False
            elif entry["kind"] == "rotate":
                kept = self.key.linked.get(index + 1)
                require(kept and kept.entry == entries[index], "entry %d changes the log's key, and nothing in rotations/ leads to it" % index)
        self.counts["segments"] = len(segments)
        self.commit_log(entries)

    def destruction(self, entry, index, segments):
        """A destroy entry: its order was approved, and it names segments of its bucket alone, with their sums."""
        where = "entry %d, destruction of %s/%s" % (index, entry["class"], entry["bucket"])
        data = self.file("orders", entry["order"] + ".order")
        require(sha256(data) == entry["approvals"], "%s: another order than the log names" % where)
        order, _ = read_order_file(data)
        require((order["kind"], order["id"], order["origin"]) == ("destroy", entry["order"], self.key.name), "%s: its order is about something else" % where)
        require(all(order[name] == entry[name] for name in ("class", "bucket", "keys")), "%s: its order is about other keys" % where)
        require(entry["time"] <= order["expires"], "%s: its order had expired" % where)
        named = [segments.get("%016x" % number) for one in entry["segments"] for number in range(one["first"], min(one["last"], one["first"] + len(segments)) + 1)]
        require(all(isinstance(one, Destroyed) for one in named), "%s: segments that are not in the log before it" % where)
        for segment in named:
            require(in_ranges(order["segments"], segment.name), "%s: its order does not name segment %s" % (where, segment.name))
            segment.destroy(entry, where)
        sums = tuple(sum(getattr(one, name) for one in named) for name in ("frames", "records", "octets"))
        require(sums == (entry["batches"], entry["records"], entry["bytes"]), "%s: other sums than its segments have" % where)
        self.counts["destroyed"] += len(named)
        return True

    # Section 4

    def log(self, size, root):
        """All entries, after each was found in the tiles, each tile in the one above it, and the last ones in the root."""
        entries, hashes, level = [], [], 0
        for index in range(0, (size + 255) // 256):
            width = min(256, size - 256 * index)
            bundle = read_bundle(self.file("log", "tile", "entries", *tile_name(index, width)))
            require(len(bundle) == width, "bundle %d has %d entries instead of %d" % (index, len(bundle), width))
            entries += bundle
            hashes += [entry_leaf(entry) for entry in bundle]
        require(tree_head(hashes) == root, "the entries have another root than the checkpoint")
        while hashes:
            for index in range(0, (len(hashes) + 255) // 256):
                below = hashes[256 * index:256 * index + 256]
                tile = self.file("log", "tile", str(level), *tile_name(index, len(below)))
                require(tile == b"".join(below), "tile %d/%d is not made of what lies below it" % (level, index))
            hashes = [tree_head(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)]
            level += 1
        return entries

    # Section 5

    def commit_log(self, entries):
        """Each file tells what the log tells, up to where the next one begins, the last one to the log's end."""
        files = []
        for name in self.names("commit"):
            match = re.fullmatch(r"([0-9a-f]{16})-([0-9]{4,})\.commit", name)
            if match:
                files.append((int(match[2]), int(match[1], 16), name))
        files.sort()
        require(files or not entries, "there is no commit log")
        reached = [self.commit_file(name, first, entries) for _, first, name in files]
        require(not files or any(size is not None for size in reached), "no file of the commit log begins with a whole snapshot")
        for i, (_, first, name) in enumerate(files):
            until = min(files[i + 1][1] if i + 1 < len(files) else len(entries), len(entries))
            require(first >= until or (reached[i] or 0) >= until, "%s is broken before entry %d" % (name, until))

    def commit_file(self, name, first, entries):
        size, tree = None, Tree()
        for record in read_commit_records(self.file("commit", name)):
            require(record["snapshot"] == (size is None), "%s does not consist of a snapshot and cycles" % name)
            require(record["size"] == (first if size is None else size), "%s goes on at another entry" % name)
            if size is None:
                tree = Tree(entry_leaf(entry) for entry in entries[:record["size"]])
            size = record["size"]
            for entry in record["entries"]:
                require(size >= len(entries) or entries[size] == entry, "%s has another entry %d than the log" % (name, size))
                tree.append(entry_leaf(entry))
                size += 1
            if size <= len(entries) and (size > 0 or record["checkpoint"]):
                signed, root = self.key.checkpoint(record["checkpoint"])
                require(signed == size and root == tree.head(), "%s has a checkpoint of another log" % name)
            if size >= len(entries):
                break
        return size


def tile_name(index, width):
    """C2SP tlog-tiles: groups of three digits, all but the last with an x before them; `.p/<width>` when not full."""
    groups = ["%03d" % (index % 1000)]
    while index >= 1000:
        index //= 1000
        groups.insert(0, "x%03d" % (index % 1000))
    return groups if width == 256 else groups[:-1] + [groups[-1] + ".p", str(width)]


class Destroyed:
    """A segment that was destroyed later: only what the log tells of it is left."""

    def __init__(self, store, name):
        self.store, self.name = store, name
        self.frames, self.records, self.octets, self.keys, self.gone = 0, 0, 0, set(), False

    def batch(self, entry, index):
        require(not self.gone and entry["frame"] == self.frames, "entry %d: a batch out of its order in segment %s" % (index, self.name))
        self.frames, self.records, self.octets = self.frames + 1, self.records + entry["records"], self.octets + entry["bytes"]
        self.keys.add(entry["key"].rpartition("/")[0])
        self.store.counts["batches"] += 1
        self.store.counts["records"] += entry["records"]
        return iter(())

    def close(self, entry, index):
        require(not self.gone, "entry %d: segment %s was destroyed before" % (index, self.name))
        return iter(())

    def destroy(self, entry, where):
        require(not self.gone and self.keys == {"%s/%s" % (entry["class"], entry["bucket"])}, "%s: segment %s is not of that bucket, or was destroyed before" % (where, self.name))
        self.gone = True


class Segment:
    """Section 3: the logical bytes of one segment, as the log tells of them from its beginning on."""

    def __init__(self, store, name):
        self.store, self.name = store, name
        self.data = self.logical_bytes()
        self.header = read_header(self.data)
        require(self.header.segment == name, "segment %s has the header of %s" % (name, self.header.segment))
        require(self.header.origin == store.key.name, "segment %s is of the log %s" % (name, self.header.origin))
        self.key = store.data_keys.of(self.header) if store.data_keys else None
        self.frames, self.end, self.closed = 0, len(self.header.raw), False

    def logical_bytes(self):
        parts = []
        for file in self.store.names("segments"):
            match = re.fullmatch(r"%s(?:\.(0|[1-9][0-9]*))?\.seg" % self.name, file)
            if match:
                parts.append((int(match[1] or 0), match[1] is not None, file))
        require(parts and min(parts)[0] == 0, "segment %s is missing" % self.name)
        data = b""
        for offset, _, file in sorted(parts):
            require(offset <= len(data), "segment %s has a gap before %s" % (self.name, file))
            data = data[:offset] + self.store.file("segments", file)
        return data

    def batch(self, entry, index):
        where = "entry %d, frame %d of segment %s" % (index, entry["frame"], self.name)
        require(not self.closed, "%s: its segment was closed before" % where)
        require(entry["header"] == sha256(self.header.raw) and entry["key"] == self.header.key, "%s: another header" % where)
        require((entry["frame"], entry["offset"]) == (self.frames, self.end), "%s: another place than after the one before" % where)
        data = self.next(entry["offset"] + entry["length"])
        require(sha256(data) == entry["digest"], "%s: other octets than were sealed" % where)
        frame = read_frame(data)
        require(frame.index == entry["frame"] and not frame.final, "%s: a frame for another place" % where)
        self.store.counts["batches"] += 1
        self.store.counts["records"] += entry["records"]
        if self.key:
            yield from self.contents(entry, index, where, open_frame(self.key, entry["header"], frame))

    def next(self, end):
        require(end <= len(self.data), "segment %s ends at %d, the log knows it up to %d" % (self.name, len(self.data), end))
        data = self.data[self.end:end]
        self.frames, self.end = self.frames + 1, end
        return data

    def contents(self, entry, index, where, plain):
        seed, runs = read_batch(plain)
        contexts = [read_context(run.context) for run in runs]
        raws = [raw for run in runs for raw in run.records]
        times = [context["receivedAt"] for context in contexts] or [0]
        require(len(raws) == entry["records"] and sum(map(len, raws)) == entry["bytes"], "%s: other counts than the log says" % where)
        require((min(times), max(times)) == (entry["from"], entry["to"]), "%s: other times than the log says" % where)
        for run, context in zip(runs, contexts):
            require(context["kind"] != "cut" or len(run.records) == 1, "%s: a cut run of several records" % where)
        placed = [(run, context, i) for run, context in zip(runs, contexts) for i in range(len(run.records))]
        leaves = [record_leaf(salt, run.context, run.first + i, run.records[i]) for salt, (run, _, i) in zip(salts(seed, len(placed)), placed)]
        require(tree_head(leaves) == entry["root"], "%s: other records than the log says" % where)
        for number, (run, context, i) in enumerate(placed):
            yield {"id": "%d-%d" % (index, number), "sequence": run.first + i, **context, "raw": run.records[i]}

    def close(self, entry, index):
        where = "entry %d, end of segment %s" % (index, self.name)
        require(not self.closed, "%s: it was closed before" % where)
        self.closed = True
        if entry["state"] == "whole":
            frame = read_frame(self.next(entry["length"]))
            require(frame.index == entry["frames"] - 1 and frame.final and frame.plain_length == 0, "%s: no final frame" % where)
            require(not self.key or open_frame(self.key, sha256(self.header.raw), frame) == b"", "%s: a final frame that is not empty" % where)
            require(len(self.data) == entry["length"], "%s: octets follow" % where)
        require(entry["frames"] == self.frames and entry["length"] == self.end, "%s: other counts than its frames have" % where)
        require(sha256(self.data[:self.end]) == entry["digest"], "%s: other octets than were closed" % where)
        return iter(())
