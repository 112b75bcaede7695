// SPDX-License-Identifier: Apache-2.0

// Verifies a log with transparency-dev's formats and merkle: the checkpoint, the tree built anew from all entries and
// compared with every hash of every tile, and inclusion proofs that are made from the tiles.
package main

import (
	"bytes"
	"fmt"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"strongroom.test/outside/logdir"
)

func main() {
	logdir.Main(check)
}

func check(dir logdir.Dir, vkey string, _ []string) (uint64, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, err
	}
	signed, err := dir.Checkpoint()
	if err != nil {
		return 0, err
	}
	checkpoint, rest, _, err := log.ParseCheckpoint(signed, verifier.Name(), verifier)
	if err != nil {
		return 0, err
	}
	if len(rest) > 0 {
		return 0, fmt.Errorf("the checkpoint has %d bytes of extensions", len(rest))
	}
	root, err := rebuild(dir, checkpoint.Size)
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(root, checkpoint.Hash) {
		return 0, fmt.Errorf("the entries have another root than the checkpoint")
	}
	return checkpoint.Size, inclusions(dir, checkpoint)
}

// rebuild computes the root from all entries, and holds each node that a tile stores against the tile.
func rebuild(dir logdir.Dir, size uint64) ([]byte, error) {
	nodes := reader{dir: dir, size: size, held: map[int]held{}}
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	var wrong error
	compare := func(id compact.NodeID, hash []byte) {
		if id.Level%8 != 0 || wrong != nil {
			return
		}
		stored, err := nodes.node(id)
		if err == nil && !bytes.Equal(stored, hash) {
			err = fmt.Errorf("node %d of level %d is another one in its tile", id.Index, id.Level)
		}
		wrong = err
	}
	for index := uint64(0); index*logdir.Width < size; index++ {
		entries, err := dir.Entries(index, logdir.WidthAt(size, 0, index))
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(entry), compare); err != nil {
				return nil, err
			}
		}
		if wrong != nil {
			return nil, wrong
		}
	}
	if size == 0 {
		return rfc6962.DefaultHasher.EmptyRoot(), nil
	}
	return tree.GetRootHash(nil)
}

// inclusions proves the first, the last and some entries between from the tiles alone.
func inclusions(dir logdir.Dir, checkpoint *log.Checkpoint) error {
	nodes := reader{dir: dir, size: checkpoint.Size, held: map[int]held{}}
	step := checkpoint.Size/16 + 1
	for index := uint64(0); index < checkpoint.Size; index += step {
		needed, err := proof.Inclusion(index, checkpoint.Size)
		if err != nil {
			return err
		}
		hashes := make([][]byte, len(needed.IDs))
		for i, id := range needed.IDs {
			if hashes[i], err = nodes.inner(id); err != nil {
				return err
			}
		}
		path, err := needed.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
		if err != nil {
			return err
		}
		leaf, err := nodes.node(compact.NewNodeID(0, index))
		if err != nil {
			return err
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, checkpoint.Size, leaf, path, checkpoint.Hash); err != nil {
			return err
		}
	}
	return nil
}

// reader gives nodes of the tree from tiles, and keeps the last tile of each level.
type reader struct {
	dir  logdir.Dir
	size uint64
	held map[int]held
}

type held struct {
	index uint64
	data  []byte
}

// node returns one that stands in a tile.
func (r reader) node(id compact.NodeID) ([]byte, error) {
	level, index := int(id.Level/8), id.Index/logdir.Width
	tile, ok := r.held[level]
	if !ok || tile.index != index {
		data, err := r.dir.Tile(level, index, logdir.WidthAt(r.size, level, index))
		if err != nil {
			return nil, err
		}
		tile = held{index, data}
		r.held[level] = tile
	}
	at := id.Index % logdir.Width * 32
	if at+32 > uint64(len(tile.data)) {
		return nil, fmt.Errorf("node %d of level %d is beyond its tile", id.Index, id.Level)
	}
	return tile.data[at : at+32], nil
}

// inner returns any node, hashed together from those below it where no tile stores it.
func (r reader) inner(id compact.NodeID) ([]byte, error) {
	if id.Level%8 == 0 {
		return r.node(id)
	}
	left, err := r.inner(compact.NewNodeID(id.Level-1, id.Index*2))
	if err != nil {
		return nil, err
	}
	right, err := r.inner(compact.NewNodeID(id.Level-1, id.Index*2+1))
	if err != nil {
		return nil, err
	}
	return rfc6962.DefaultHasher.HashChildren(left, right), nil
}
