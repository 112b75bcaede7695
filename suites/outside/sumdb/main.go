// SPDX-License-Identifier: Apache-2.0

// Verifies a log with golang.org/x/mod/sumdb, which the Go command trusts for its checksum database: the note, each
// tile up to the tree's root, the inclusion of every entry, and consistency with an older checkpoint if one is given.
package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"strongroom.test/outside/logdir"
)

func main() {
	logdir.Main(check)
}

func check(dir logdir.Dir, vkey string, more []string) (uint64, error) {
	signed, err := dir.Checkpoint()
	if err != nil {
		return 0, err
	}
	tree, err := open(signed, vkey)
	if err != nil || tree.N == 0 {
		return 0, err
	}
	hashes := tlog.TileHashReader(tree, tiles{dir})
	if err := entries(dir, tree, hashes); err != nil {
		return 0, err
	}
	for _, file := range more {
		if err := extends(file, vkey, tree, hashes); err != nil {
			return 0, err
		}
	}
	return uint64(tree.N), nil
}

// open returns the tree that the key signed.
func open(signed []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the note is no checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("the checkpoint has no root")
	}
	tree := tlog.Tree{N: size, Hash: tlog.Hash(root)}
	if empty, _ := tlog.TreeHash(0, nil); size == 0 && tree.Hash != empty {
		return tree, fmt.Errorf("the empty tree has another root")
	}
	return tree, nil
}

// entries checks each bundle against the tiles, one inclusion proof in each, and the root.
func entries(dir logdir.Dir, tree tlog.Tree, hashes tlog.HashReader) error {
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil || root != tree.Hash {
		return fmt.Errorf("the tiles lead to another root: %v", err)
	}
	for first := int64(0); first < tree.N; first += logdir.Width {
		width := min(logdir.Width, tree.N-first)
		bundle, err := dir.Entries(uint64(first/logdir.Width), int(width))
		if err != nil {
			return err
		}
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		stored, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, entry := range bundle {
			if tlog.RecordHash(entry) != stored[i] {
				return fmt.Errorf("entry %d has another hash than its tile", first+int64(i))
			}
		}
		last := first + width - 1
		proof, err := tlog.ProveRecord(tree.N, last, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, last, tlog.RecordHash(bundle[width-1])); err != nil {
			return err
		}
	}
	return nil
}

// extends checks that the tree is the older one, or an extension of it.
func extends(file, vkey string, tree tlog.Tree, hashes tlog.HashReader) error {
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	older, err := open(signed, vkey)
	if err != nil {
		return err
	}
	if older.N > tree.N {
		return fmt.Errorf("the log has %d entries, %d were seen", tree.N, older.N)
	}
	if older.N == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, older.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
}

// tiles is the log's directory as x/mod reads it; its own paths have the height in them, C2SP's don't.
type tiles struct{ dir logdir.Dir }

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		read, err := t.dir.Tile(tile.L, uint64(tile.N), tile.W)
		if err != nil {
			return nil, err
		}
		data[i] = read
	}
	return data, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
