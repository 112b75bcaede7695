#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Reads and verifies a Strongroom store. Written from docs/FORMAT.md alone; shares nothing with Strongroom's code."""
import argparse
import base64
import json
import sys

from formats import BOUND_UNKNOWN, Invalid
from proofs import verify_proof
from sealing import DataKeys, pkcs11_unwrap, software_unwrap
from store import Store

INVALID = 3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", nargs="?", help="directory with log/, segments/ and commit/; it must stand still")
    parser.add_argument("--proof", help="verify this proof of one record instead of a store")
    parser.add_argument("--vkey", required=True, help="file with the log's verifier key line")
    parser.add_argument("--keys", help="directory with the wrapped data keys, <segment>.key; without it contents are not checked")
    parser.add_argument("--wrapping-key", help="file with the wrapping key in hexadecimal, for stores whose keys are in software")
    parser.add_argument("--module", help="PKCS#11 module; SoftHSM also wants SOFTHSM2_CONF in the environment")
    parser.add_argument("--token", help="label of the token")
    parser.add_argument("--pin-file", help="file with the PIN")
    parser.add_argument("--records", action="store_true", help="print each record as a line of JSON; the verdict then goes to stderr")
    args = parser.parse_args()
    if (args.store is None) == (args.proof is None):
        parser.error("name a store or a proof")
    if args.keys and not args.wrapping_key and not (args.module and args.token and args.pin_file):
        parser.error("--keys needs --wrapping-key, or --module with --token and --pin-file")
    if args.records and not args.keys:
        parser.error("--records needs --keys")
    return args


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def data_keys(args):
    if not args.keys:
        return None
    if args.wrapping_key:
        return DataKeys(args.keys, software_unwrap(bytes.fromhex(text(args.wrapping_key))))
    return DataKeys(args.keys, pkcs11_unwrap(args.module, args.token, text(args.pin_file)))


def shown(record):
    """Octets as base64, and a bound that nobody knows as null."""
    bound = None if record["bound"] == BOUND_UNKNOWN else record["bound"]
    return {**record, "bound": bound, "raw": base64.b64encode(record["raw"]).decode()}


def verified(args, key):
    store = Store(args.store, key, data_keys(args))
    for record in store.records():
        if args.records:
            print(json.dumps(shown(record)))
    return {**store.counts, "contents": "checked" if args.keys else "not checked: no data keys were given"}


def proven(path, key):
    try:
        return {"record": shown(verify_proof(json.loads(text(path)), key))}
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid("this is no proof: %s" % error) from error


def main():
    args = arguments()
    try:
        key = text(args.vkey)
        verdict = {"ok": True, **(proven(args.proof, key) if args.proof else verified(args, key))}
    except Invalid as invalid:
        verdict = {"ok": False, "failure": str(invalid)}
    print(json.dumps(verdict), file=sys.stderr if args.records else sys.stdout)
    return 0 if verdict["ok"] else INVALID


if __name__ == "__main__":
    sys.exit(main())
