import { sha256 } from '../node-crypto';

/**
 * Merkle trees as RFC 6962, section 2.1: leaves and nodes are hashed with different first bytes, and a tree of n leaves
 * splits at the largest power of two below n. No item can pass for a node, and no tree has two lists of leaves.
 */

const LeafPrefix = Buffer.of(0);
const NodePrefix = Buffer.of(1);

/** @param item the bytes of a sealed item. @returns its leaf, 32 bytes. */
export function merkleLeaf(item: Uint8Array): Buffer {
    return sha256(LeafPrefix, item);
}

/** @returns the root over leaves (32 bytes each) in order. @throws RangeError when there are none. */
export function merkleRoot(leaves: readonly Uint8Array[]): Buffer {
    if (leaves.length === 0) {
        throw new RangeError('A Merkle tree has at least one leaf.');
    }
    // The largest power of two below n splits as pairing level by level does, an odd one out going up as it is.
    let level: Uint8Array[] = [...leaves];
    while (level.length > 1) {
        const next: Uint8Array[] = [];
        for (let index = 0; index < level.length; index += 2) {
            next.push(index + 1 < level.length ? sha256(NodePrefix, level[index], level[index + 1]) : level[index]);
        }
        level = next;
    }
    return Buffer.from(level[0]);
}

/**
 * @param index of the leaf, from 0.
 * @returns the hashes beside the way from a leaf to the root, the leaf's neighbour first: at most 14 for 10,000 leaves.
 */
export function merkleProof(leaves: readonly Uint8Array[], index: number): Buffer[] {
    if (!Number.isInteger(index) || index < 0 || index >= leaves.length) {
        throw new RangeError(`There is no leaf ${index}: the tree has ${leaves.length}.`);
    }
    const proof: Buffer[] = [];
    let level: Uint8Array[] = [...leaves];
    for (let at = index; level.length > 1; at >>= 1) {
        const beside = at ^ 1;
        if (beside < level.length) {
            proof.push(Buffer.from(level[beside]));
        }
        const next: Uint8Array[] = [];
        for (let left = 0; left < level.length; left += 2) {
            next.push(left + 1 < level.length ? sha256(NodePrefix, level[left], level[left + 1]) : level[left]);
        }
        level = next;
    }
    return proof;
}

/** @returns whether `leaf` is number `index` of the `count` leaves under `root`. */
export function verifyMerkleProof(proof: { root: Uint8Array; leaf: Uint8Array; index: number; count: number; path: readonly Uint8Array[] }): boolean {
    const { root, leaf, index, count, path } = proof;
    if (!Number.isInteger(index) || index < 0 || index >= count) {
        return false;
    }
    let hash: Uint8Array = leaf;
    let used = 0;
    for (let at = index, size = count; size > 1; at >>= 1, size = (size + 1) >> 1) {
        if ((at ^ 1) < size) {
            const beside = path[used++];
            if (beside === undefined) {
                return false;
            }
            hash = (at & 1) === 1 ? sha256(NodePrefix, beside, hash) : sha256(NodePrefix, hash, beside);
        }
    }
    return used === path.length && Buffer.from(hash).equals(root);
}
