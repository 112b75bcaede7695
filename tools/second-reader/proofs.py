# SPDX-License-Identifier: Apache-2.0
"""A record's proof, docs/FORMAT.md section 7."""
import base64

from formats import SIZE_LIMIT, climb, entry_leaf, read_context, read_entry, record_leaf, require
from rotations import Keys, Rotation


def verify_proof(proof, vkey):
    """The record that a proof proves to who holds one of the log's keys. Of a timestamp: that what was stamped covers it; `openssl ts` says when."""
    require(proof["format"] == "strongroom proof v1", "a proof of an unknown version")
    key = Keys(vkey, [Rotation(text.encode()) for text in proof.get("rotations", [])])
    size, root = key.checkpoint(proof["checkpoint"].encode())
    entry, record = proof["entry"], proof["record"]
    data = octets(entry["bytes"])
    require(included(entry_leaf(data), entry["index"], size, entry["path"]) == root, "the entry is not in the checkpoint's tree")
    manifest = read_entry(data)
    require(manifest["kind"] == "batch", "the entry is no batch")
    require(proof["id"] == "%d-%d" % (entry["index"], record["index"]), "the id names another record")
    salt, context, raw = octets(record["salt"]), octets(record["context"]), octets(record["raw"])
    require(len(salt) == 16, "a salt has 16 octets")
    leaf = record_leaf(salt, context, whole(record["sequence"]), raw)
    require(included(leaf, record["index"], manifest["records"], record["path"]) == manifest["root"], "the record is not in the batch")
    if "timestamp" in proof:
        stamped = proof["timestamp"]
        size, root = key.checkpoint(stamped["checkpoint"].encode())
        require(included(entry_leaf(data), entry["index"], size, stamped["path"]) == root, "the entry is not in the tree that was stamped")
    return {"id": proof["id"], "sequence": record["sequence"], **read_context(context), "raw": raw}


def included(leaf, index, size, path):
    """The tree head that RFC 6962's path leads to, by its definition: the larger part of a tree is a perfect one on the left."""
    require(whole(index) < size, "index %d of %d" % (index, size))
    require(isinstance(path, list), "a path is a list")
    return climb(leaf, index, size, [octets(one) for one in path])


def octets(text):
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "a field is not plain base64")
    return data


def whole(number):
    require(type(number) is int and 0 <= number < SIZE_LIMIT, "%r is no index" % number)
    return number
