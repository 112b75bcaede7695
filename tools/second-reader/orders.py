# SPDX-License-Identifier: Apache-2.0
"""Orders and their approvals, docs/FORMAT.md section 9."""
import base64
import re
import unicodedata
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from formats import Invalid, base64_hash, identifier, ranges, read_lines, require, sha256, time, whole, word, words


def text(value):
    require(1 <= len(value) <= 500 and value.strip(" ") == value, "%r is no text of 1 to 500 characters" % value)
    require(not any(unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp", "Cs") for one in value), "%r has characters that no text has" % value)
    return value


def octets(value):
    data = base64.b64decode(value, validate=True) if re.fullmatch(r"[A-Za-z0-9+/]{4,8192}={0,2}", value, re.ASCII) else b""
    require(data and base64.b64encode(data).decode() == value, "%r is not plain base64" % value)
    return data


OWN = {
    "destroy": [
        ("class", word), ("bucket", word), ("keys", words), ("segments", ranges), ("held", ranges), ("records", whole), ("bytes", whole),
        ("from", time), ("to", time),
    ],
    "release": [("hold", identifier)],
    "accept-rollback": [("seen", whole), ("seen-root", base64_hash)],
}
APPROVAL = [("order", base64_hash), ("custodian", word), ("time", time), ("certificate", octets), ("signature", octets)]


def read_order(data):
    kind = re.match(r"strongroom order v1\nkind ([a-z-]+)\n", data)
    require(kind and kind[1] in OWN, "an order of an unknown kind or version")
    facts = [("kind", word), ("id", identifier), ("origin", text), ("size", whole), ("root", base64_hash), ("created", time), ("expires", time)]
    return read_lines(data, facts + OWN[kind[1]] + [("reason", text), ("authority", octets)])


def read_order_file(data):
    """The order and who approved it: two or more different custodians with different keys."""
    try:
        first, *rest = data.decode("utf-8").split("\n\n")
    except UnicodeDecodeError as error:
        raise Invalid("an order is not UTF-8") from error
    parts = [first] + rest
    parts = [part + "\n" for part in parts[:-1]] + parts[-1:]
    order = read_order(parts[0])
    authority = x509.load_der_x509_certificate(order["authority"])
    names, keys = set(), set()
    for part in parts[1:]:
        name, key = approved_by(part, parts[0], order, authority)
        require(name not in names and key not in keys, "%s approved twice" % name)
        names.add(name)
        keys.add(key)
    require(len(names) >= 2, "the order is approved by %d custodians" % len(names))
    return order, sorted(names)


def approved_by(part, order_text, order, authority):
    require(part.startswith("strongroom approval v1\n"), "this is no approval")
    approval = read_lines(part, APPROVAL)
    require(approval["order"] == sha256(order_text.encode()), "the approval is of another order")
    certificate = x509.load_der_x509_certificate(approval["certificate"])
    at = datetime.fromtimestamp(approval["time"] // 10 ** 9, timezone.utc).replace(tzinfo=None)
    require(certificate.not_valid_before <= at <= certificate.not_valid_after, "the certificate was not valid when it signed")
    require(approval["time"] <= order["expires"], "approved after the order had expired")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.UniformResourceIdentifier)
    deployment = order["origin"][:-len("/log")]
    require(names == [approval["custodian"]], "the certificate is of %r" % names)
    require(re.fullmatch(r"spiffe://%s/custodian/[A-Za-z0-9._-]{1,128}" % re.escape(deployment), approval["custodian"]), "it is no custodian's")
    signed = part[:part.index("signature ")].encode()
    try:
        authority.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
        certificate.public_key().verify(approval["signature"], signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Invalid("a signature of %s does not hold" % approval["custodian"]) from error
    return approval["custodian"], certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
