#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Holds this reader against the published vectors: what is valid is read as it says, what is not is refused."""
import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import formats
import orders
import sealing
from formats import Invalid
from notes import LogKey
from proofs import verify_proof
from rotations import Keys, Rotation
from store import tile_name

CHECKS = {}
octets = bytes.fromhex


def check(function):
    CHECKS[function.__name__.replace("_", "-")] = function
    return function


def refuses(read, vector):
    try:
        read()
    except Invalid:
        return
    raise AssertionError("not refused: %s" % vector["name"])


def as_said(read, said):
    """Every field that the vector has, in the vector's words: octets in hexadecimal, u64 as text."""
    for name, value in said.items():
        found = read[name]
        found = found.hex() if isinstance(found, bytes) else formats.KINDS.index(found) if name == "kind" and isinstance(value, int) else found
        assert found == (int(value) if isinstance(found, int) else value), "%s: %r is not %r" % (name, found, value)


@check
def receipt(vectors):
    for vector in vectors["vectors"]:
        as_said(formats.read_context(octets(vector["hex"])), vector["context"])
        assert formats.sha256(octets(vector["hex"])).hex() == vector["digest"]
    for vector in vectors["refused"]:
        refuses(lambda: formats.read_context(octets(vector["hex"])), vector)


@check
def leaf(vectors):
    salts = sealing.salts(octets(vectors["seed"]), 1001)
    for one in vectors["leaves"] + [vectors["sequenceAbove32Bits"]]:
        assert salts[one["index"]].hex() == one["salt"]
        assert formats.record_leaf(salts[one["index"]], octets(vectors["context"]), one["sequence"], octets(one["raw"])).hex() == one["leaf"]
    assert salts[1000].hex() == vectors["salt1000"]


@check
def merkle(vectors):
    leaves = [formats.entry_leaf(octets(data)) for data in vectors["leaves"]]
    for size, root in enumerate(vectors["roots"]):
        assert formats.tree_head(leaves[:size]).hex() == formats.Tree(leaves[:size]).head().hex() == root


@check
def batch(vectors):
    for vector in vectors["vectors"]:
        seed, runs = formats.read_batch(octets(vector["hex"]))
        assert seed.hex() == vector["seed"] and len(runs) == len(vector["runs"])
        for run, said in zip(runs, vector["runs"]):
            assert (run.context.hex(), run.first, [raw.hex() for raw in run.records]) == (said["context"], said["firstSequence"], said["records"])
        placed = [(run.context, run.first + i, raw) for run in runs for i, raw in enumerate(run.records)]
        leaves = [formats.record_leaf(salt, *record) for salt, record in zip(sealing.salts(seed, len(placed)), placed)]
        assert formats.tree_head(leaves).hex() == vector["root"]
    for vector in vectors["refused"]:
        refuses(lambda: formats.read_batch(octets(vector["hex"])), vector)


@check
def segment(vectors):
    said = vectors["header"]
    data, key = octets(said["hex"]), octets(said["dataKey"])
    header = formats.read_header(data)
    assert (header.origin, header.segment, header.created, header.key) == (said["origin"], said["id"], int(said["createdAt"]), said["keyId"])
    assert sealing.commits_to(header, key) and not sealing.commits_to(header, bytes(32))
    digest = formats.sha256(data)
    assert digest.hex() == said["digest"]
    for vector in vectors["frames"]:
        frame = formats.read_frame(octets(vector["hex"]))
        assert (frame.index, frame.final) == (vector["index"], vector["final"])
        assert sealing.open_frame(key, digest, frame).hex() == vector["plain"]
    for vector in vectors["refusedHeaders"]:
        refuses(lambda: formats.read_header(octets(vector["hex"])), vector)
    for vector in vectors["refusedFrames"]:
        refuses(lambda: sealing.open_frame(key, digest, formats.read_frame(octets(vector["hex"]))), vector)


@check
def entry(vectors):
    for vector in vectors["vectors"]:
        read = formats.read_entry(vector["text"].encode())
        assert read["kind"] == vector["entry"].pop("kind")
        as_said({name.replace("seen-root", "seenRoot"): value for name, value in read.items()}, vector["entry"])
        assert formats.entry_leaf(vector["text"].encode()).hex() == vector["leaf"]
    for vector in vectors["refused"]:
        refuses(lambda: formats.read_entry(vector["text"].encode()), vector)


@check
def order(vectors):
    for vector in vectors["orders"]:
        as_said({name.replace("seen-root", "seenRoot"): value for name, value in orders.read_order(vector["text"]).items()}, vector["order"])
    for vector in vectors["refused"]:
        refuses(lambda: orders.read_order(vector["text"]), vector)
    read, custodians = orders.read_order_file(vectors["approved"]["text"].encode())
    assert (read["origin"], custodians) == (vectors["approved"]["origin"], vectors["approved"]["custodians"])
    for vector in vectors["notApproved"]:
        refuses(lambda: orders.read_order_file(vector["text"].encode()), vector)


@check
def note(vectors):
    key, said = LogKey(vectors["vkey"]), vectors["checkpoint"]
    assert key.checkpoint(said["note"].encode()) == (said["size"], octets(said["root"]))
    for vector in vectors["accepted"]:
        assert key.open(vector["note"].encode()).decode() == said["text"]
    for vector in vectors["refused"]:
        refuses(lambda: key.checkpoint(vector["note"].encode()), vector)
    for vector in vectors["refusedKeys"]:
        refuses(lambda: LogKey(vector["vkey"]), vector)


@check
def tiles(vectors):
    for vector in vectors["paths"]:
        assert "tile/%d/%s" % (vector["level"], "/".join(tile_name(vector["index"], vector["width"]))) == vector["tile"]
    assert [entry.hex() for entry in formats.read_bundle(octets(vectors["bundle"]["hex"]))] == vectors["bundle"]["entries"]


@check
def commit(vectors):
    for file in vectors["files"] + vectors["earlier"]:
        records = list(formats.read_commit_records(octets(file["hex"])))
        assert len(records) == len(file["records"])
        for read, said in zip(records, file["records"]):
            assert read["size"] == said.get("size", said.get("sizeBefore")) and read["checkpoint"].decode() == said["checkpoint"]
            assert [one.hex() for one in read["entries"]] == said.get("entries", [])
            assert (read.get("open"), read.get("holds")) == (said.get("open"), said.get("holds"))
            assert [one.hex() for one in read.get("destroying", [])] == said.get("destroying", [])
            assert [(one["service"], one["last"], one["token"].hex(), len(one["streams"]), one["heard"], len(one["denials"])) for one in read["producers"]] == \
                [(one["service"], one["last"], one["token"], len(one["streams"]), one["heard"], len(one["denials"])) for one in said["producers"]]
    for vector in vectors["refused"]:
        refuses(lambda: list(formats.read_commit_records(octets(vector["hex"]))), vector)


@check
def wrapped_key(vectors):
    key_id, iv, sealed = formats.read_wrapped_key(octets(vectors["hex"]))
    additional = b"strongroom data key v1" + sealing.str16(vectors["origin"]) + octets(vectors["segment"]) + sealing.str16(key_id)
    assert additional.hex() == vectors["additionalData"]
    assert sealing.software_unwrap(octets(vectors["wrappingKey"]))(key_id, iv, sealed, additional).hex() == vectors["dataKey"]
    for vector in vectors["refused"]:
        refuses(lambda: formats.read_wrapped_key(octets(vector["hex"])), vector)


@check
def proof(vectors):
    key, said = vectors["vkey"], vectors["proves"]
    record = verify_proof(vectors["proof"], key)
    assert (record["raw"].hex(), record["sequence"], record["source"]) == (said["raw"], said["sequence"], said["source"])
    stamped = vectors["timestamp"]
    assert verify_proof({**vectors["proof"], "timestamp": stamped}, key)["id"] == vectors["proof"]["id"]
    for name, value in (("path", stamped["path"][1:]), ("checkpoint", stamped["checkpoint"][:-8])):
        refuses(lambda: verify_proof({**vectors["proof"], "timestamp": {**stamped, name: value}}, key), {"name": "another %s of the timestamp" % name})
    refuses(lambda: verify_proof(vectors["notABatch"], key), {"name": "an entry that is no batch"})
    for part in ("entry", "record"):
        for name, value in vectors["proof"][part].items():
            wrong = value + 1 if isinstance(value, int) else value[1:] if isinstance(value, list) else value[:-4] + "AAAA" if value[-4:] != "AAAA" else value[:-4]
            changed = {**vectors["proof"], part: {**vectors["proof"][part], name: wrong}}
            refuses(lambda: verify_proof(changed, key), {"name": "another %s of the %s" % (name, part)})


@check
def rotation(vectors):
    rotations = [Rotation(text.encode()) for text in vectors["rotations"]]
    for vkey in vectors["vkeys"]:
        keys = Keys(vkey, rotations)
        assert [list(epoch[1:]) for epoch in keys.epochs] == vectors["epochs"]
        for said in vectors["checkpoints"]:
            if "code" in said:
                refuses(lambda: keys.checkpoint(said["note"].encode()), {"name": said["by"]})
            else:
                assert keys.checkpoint(said["note"].encode())[0] == said["size"]
    for vector in vectors["refused"]:
        refuses(lambda: Rotation(vector["text"].encode()), vector)


@check
def xaes(vectors):
    for vector in vectors["vectors"]:
        key, nonce, sealed, additional = (octets(vector[name]) for name in ("key", "nonce", "sealed", "additionalData"))
        assert sealing.xaes_open(key, nonce, sealed, additional).hex() == vector["plain"]
    stream, at, sealed = hashlib.shake_128().digest(568 * vectors["accumulated"]["iterations"]), 0, hashlib.shake_128()
    for _ in range(vectors["accumulated"]["iterations"]):
        key, nonce, at = stream[at:at + 32], stream[at + 32:at + 56], at + 56
        parts = []
        for _ in range(2):
            parts.append(stream[at + 1:at + 1 + stream[at]])
            at += 1 + stream[at]
        derived, rest = sealing.xaes_derive(key, nonce)
        sealed.update(AESGCM(derived).encrypt(rest, *parts))
    assert sealed.digest(32).hex() == vectors["accumulated"]["digest"]


def main():
    directory, failed = sys.argv[1], 0
    for name, run in CHECKS.items():
        with open(os.path.join(directory, name + ".json"), encoding="utf-8") as file:
            try:
                run(json.load(file))
                print("ok %s" % name)
            except (AssertionError, Invalid) as error:
                failed += 1
                print("FAILED %s: %s" % (name, error))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
