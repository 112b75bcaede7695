# SPDX-License-Identifier: Apache-2.0
"""C2SP signed notes with Ed25519 keys, and checkpoints in them."""
import base64
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from formats import Invalid, base64_hash, require, sha256, whole


class LogKey:
    """What a verifier key line says: name, key id, public key."""

    def __init__(self, line):
        match = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", line.strip())
        require(match, "this is no verifier key line")
        typed = base64.b64decode(match[3], validate=True)
        require(len(typed) == 33 and typed[0] == 1, "the key is not Ed25519")
        self.name, self.id = match[1], sha256(match[1].encode() + b"\n" + typed)[:4]
        require(self.id.hex() == match[2], "the key line has the hash of another key")
        self.key = Ed25519PublicKey.from_public_bytes(typed[1:])

    def open(self, note):
        """The text of a note that this key signed."""
        require(len(note) <= 64 * 1024, "a note of %d octets" % len(note))
        text, separator, signatures = note.rpartition(b"\n\n")
        require(separator and signatures.endswith(b"\n"), "this is no signed note")
        text += b"\n"
        verified, lines = 0, signatures[:-1].split(b"\n")
        require(len(lines) <= 32, "a note with %d signatures" % len(lines))
        for line in lines:
            match = re.fullmatch("— ([^\\s+]+) ([A-Za-z0-9+/]+=*)", line.decode("utf-8", "replace"))
            require(match, "a line of a note is no signature")
            signature = base64.b64decode(match[2], validate=True)
            require(base64.b64encode(signature).decode() == match[2] and len(signature) > 4, "a signature is not plain base64")
            if match[1] == self.name and signature[:4] == self.id:
                self.verify(signature[4:], text)
                verified += 1
        require(verified > 0, "the log's key did not sign the note")
        return text

    def verify(self, signature, text):
        try:
            self.key.verify(signature, text)
        except InvalidSignature as error:
            raise Invalid("the signature of the log's key is wrong") from error

    def checkpoint(self, note):
        """Size and root of the tree that a signed checkpoint tells of."""
        lines = self.open(note).decode("utf-8", "replace").split("\n")
        require(len(lines) == 4 and lines[3] == "", "the note is no checkpoint of three lines")
        require(lines[0] == self.name, "the checkpoint is of %s, not of %s" % (lines[0], self.name))
        return whole(lines[1]), base64_hash(lines[2])
