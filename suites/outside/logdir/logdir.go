// SPDX-License-Identifier: Apache-2.0

// Package logdir reads the files of a C2SP tlog-tiles directory.
package logdir

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const Width = 256

// Dir is a directory with checkpoint and tile/.
type Dir string

// Checkpoint returns the signed note.
func (d Dir) Checkpoint() ([]byte, error) {
	return os.ReadFile(filepath.Join(string(d), "checkpoint"))
}

// Tile returns the hashes of a tile, which must be exactly as many as its width says.
func (d Dir) Tile(level int, index uint64, width int) ([]byte, error) {
	data, err := os.ReadFile(d.path(fmt.Sprint(level), index, width))
	if err == nil && len(data) != width*32 {
		err = fmt.Errorf("tile %d/%d of width %d has %d bytes", level, index, width, len(data))
	}
	return data, err
}

// Entries returns the entries of a bundle, which must be exactly as many as its width says.
func (d Dir) Entries(index uint64, width int) ([][]byte, error) {
	data, err := os.ReadFile(d.path("entries", index, width))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("bundle %d ends inside an entry", index)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	if len(entries) != width {
		return nil, fmt.Errorf("bundle %d has %d entries instead of %d", index, len(entries), width)
	}
	return entries, nil
}

func (d Dir) path(kind string, index uint64, width int) string {
	name := fmt.Sprintf("%03d", index%1000)
	for index /= 1000; index > 0; index /= 1000 {
		name = fmt.Sprintf("x%03d/%s", index%1000, name)
	}
	if width < Width {
		name = fmt.Sprintf("%s.p/%d", name, width)
	}
	return filepath.Join(string(d), "tile", kind, name)
}

// WidthAt returns how many hashes the tile has in a tree with so many leaves.
func WidthAt(size uint64, level int, index uint64) int {
	return int(min(Width, size>>(8*level)-index*Width))
}

// Main runs a check over the directory and the verifier key file that the command line names, and says how it went.
func Main(check func(dir Dir, vkey string, more []string) (size uint64, err error)) {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: check LOG-DIRECTORY VKEY-FILE [...]")
		os.Exit(2)
	}
	vkey, err := os.ReadFile(os.Args[2])
	var size uint64
	if err == nil {
		size, err = check(Dir(os.Args[1]), strings.TrimSpace(string(vkey)), os.Args[3:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Printf("verified a log of size %d\n", size)
}
