// SPDX-License-Identifier: Apache-2.0

// Verifies a cosigned checkpoint with transparency-dev's formats: cosigned NOTE LOG-VKEY WITNESS-VKEY… says how many
// of the witnesses have cosigned what the log signed.
package main

import (
	"fmt"
	"os"

	"github.com/transparency-dev/formats/log"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	size, cosigned, err := check(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("verified size %d by %d\n", size, cosigned)
}

func check(path, logVkey string, witnessVkeys []string) (uint64, int, error) {
	signed, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	logVerifier, err := note.NewVerifier(logVkey)
	if err != nil {
		return 0, 0, err
	}
	var witnesses []note.Verifier
	for _, vkey := range witnessVkeys {
		witness, err := cosignature.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			return 0, 0, err
		}
		witnesses = append(witnesses, witness)
	}
	checkpoint, _, opened, err := log.ParseCheckpoint(signed, logVerifier.Name(), logVerifier, witnesses...)
	if err != nil {
		return 0, 0, err
	}
	return checkpoint.Size, len(opened.Sigs) - 1, nil
}
