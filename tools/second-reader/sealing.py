# SPDX-License-Identifier: Apache-2.0
"""What is encrypted: data keys under the wrapping key, frames under data keys, salts under seeds."""
import glob
import hmac
import os
import struct

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from formats import Invalid, read_wrapped_key, require, sha256


def aes_block(key, block):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def xaes_derive(key, nonce):
    """C2SP XAES-256-GCM: CMAC as a key derivation over the nonce's first half. Returns AES-256-GCM key and nonce."""
    doubled = int.from_bytes(aes_block(key, bytes(16)), "big") << 1
    if doubled >> 128:
        doubled = (doubled & (1 << 128) - 1) ^ 0x87
    subkey = doubled.to_bytes(16, "big")
    blocks = [xor(b"\0" + bytes([i]) + b"X\0" + nonce[:12], subkey) for i in (1, 2)]
    return b"".join(aes_block(key, block) for block in blocks), nonce[12:]


def xaes_open(key, nonce, sealed, additional):
    derived, rest = xaes_derive(key, nonce)
    return gcm_open(derived, rest, sealed, additional)


def gcm_open(key, nonce, sealed, additional):
    try:
        return AESGCM(key).decrypt(nonce, sealed, additional)
    except (InvalidTag, ValueError) as error:
        raise Invalid("sealed bytes do not open under their key and place") from error


def open_frame(key, header_digest, frame):
    plain = xaes_open(key, frame.nonce, frame.sealed, header_digest + frame.bound)
    if frame.compressed:
        plain = inflate(plain, frame.plain_length)
    require(len(plain) == frame.plain_length, "a frame holds %d octets and says %d" % (len(plain), frame.plain_length))
    return plain


def inflate(data, length):
    """One zstd frame, nothing after it."""
    inflater = zstandard.ZstdDecompressor().decompressobj()
    try:
        plain = inflater.decompress(data)
    except zstandard.ZstdError as error:
        raise Invalid("a frame does not inflate") from error
    require(inflater.eof and not inflater.unused_data, "a frame is not exactly one zstd frame")
    require(len(plain) == length, "a frame inflates to %d octets and says %d" % (len(plain), length))
    return plain


def salts(seed, count):
    encryptor = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()
    stream = encryptor.update(bytes(16 * count))
    return [stream[i:i + 16] for i in range(0, len(stream), 16)]


def commits_to(header, data_key):
    expected = hmac.digest(data_key, b"strongroom key commitment v1" + bytes.fromhex(header.segment), "sha256")
    return hmac.compare_digest(expected, header.commitment)


def str16(text):
    return struct.pack(">H", len(text.encode())) + text.encode()


class DataKeys:
    """Unwraps `<segment>.key` of a directory by `unwrap(key id, IV, ciphertext and tag, additional data)`."""

    def __init__(self, directory, unwrap):
        self.directory, self.unwrap = directory, unwrap

    def of(self, header):
        wraps = sorted(glob.glob(os.path.join(glob.escape(self.directory), header.segment + ".*key")), key=len)
        require(wraps, "there is no data key of segment %s" % header.segment)
        with open(wraps[0], "rb") as file:
            key_id, iv, sealed = read_wrapped_key(file.read())
        # Under another key of its bucket if a hold kept it when that of the header was destroyed, else under a hold's.
        ours = key_id.startswith(("hold/", header.key.rpartition("/")[0] + "/"))
        require(ours, "the data key of segment %s is wrapped by another key" % header.segment)
        additional = b"strongroom data key v1" + str16(header.origin) + bytes.fromhex(header.segment) + str16(key_id)
        data_key = self.unwrap(key_id, iv, sealed, additional)
        require(len(data_key) == 32 and commits_to(header, data_key), "the data key is not the one that segment %s commits to" % header.segment)
        return data_key


def software_unwrap(wrapping_key):
    require(len(wrapping_key) == 32, "a wrapping key has 32 octets")
    return lambda key_id, iv, sealed, additional: gcm_open(wrapping_key, iv, sealed, additional)


def pkcs11_unwrap(module, token_label, pin):
    """Lets the token decrypt. The wrapping key never leaves it."""
    import PyKCS11  # only where there is a token

    library = PyKCS11.PyKCS11Lib()
    library.load(module)
    slots = [slot for slot in library.getSlotList(tokenPresent=True) if library.getTokenInfo(slot).label.strip() == token_label]
    require(len(slots) == 1, "%d tokens have the label %r" % (len(slots), token_label))
    session = library.openSession(slots[0], PyKCS11.CKF_SERIAL_SESSION)
    session.login(pin)

    def unwrap(key_id, iv, sealed, additional):
        retention, bucket, identity = key_id.split("/")
        label = "/hold/%s" % bucket if retention == "hold" else "/wrap/%s/%s" % (retention, bucket)
        found = [
            key for key in session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY), (PyKCS11.CKA_ID, tuple(bytes.fromhex(identity)))])
            if session.getAttributeValue(key, [PyKCS11.CKA_LABEL])[0].endswith(label)
        ]
        require(len(found) == 1, "the token has %d keys %r" % (len(found), key_id))
        try:
            return bytes(session.decrypt(found[0], sealed, PyKCS11.AES_GCM_Mechanism(iv, additional, 128)))
        except PyKCS11.PyKCS11Error as error:
            raise Invalid("the token does not unwrap a data key: %s" % error) from error

    unwrap.library = library  # lives as long as what uses it
    return unwrap
