import { beginCell, Cell } from '@ton/core';

// The same bytes in other cells.

/** A cell with another reference in one place. */
export function withRef(cell: Cell, index: number, ref: Cell): Cell {
    return cell.refs
        .map((old, at) => (at === index ? ref : old))
        .reduce((builder, next) => builder.storeRef(next), beginCell().storeBits(cell.bits))
        .endCell();
}

/** Bytes of the cells of a chain, up to its end or to a cell without bytes, which begins the pages of a list. */
export function piecesOf(chain: Cell): { pieces: Buffer[]; follows: Cell | null } {
    const pieces: Buffer[] = [];
    let cell: Cell | undefined = chain;
    while (cell !== undefined && cell.bits.length > 0) {
        pieces.push(cell.beginParse().loadBuffer(cell.bits.length / 8));
        cell = cell.refs[0];
    }
    return { pieces, follows: cell ?? null };
}

/** A chain with these bytes in its cells. */
export function chainOfPieces(pieces: readonly Buffer[], follows: Cell | null = null): Cell {
    return pieces.reduceRight<Cell | null>((next, bytes) => {
        const cell = beginCell().storeBuffer(bytes);
        return (next === null ? cell : cell.storeRef(next)).endCell();
    }, follows)!;
}

/** Bytes cut at these offsets, and wherever a cell is full. */
export function cutAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
    const pieces: Buffer[] = [];
    const ends = [...new Set(offsets)].filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b);
    let start = 0;
    for (const end of [...ends, bytes.length]) {
        for (; end - start > 127; start += 127) {
            pieces.push(bytes.subarray(start, start + 127));
        }
        pieces.push(bytes.subarray(start, end));
        start = end;
    }
    return pieces;
}

/** A chain whose cells have a second reference each, the last one only if not `butLast`. Only the first is followed. */
export function withExtraRefs(chain: Cell, butLast = false): Cell {
    const extra = beginCell().storeUint(0, 8).endCell();
    const builder = beginCell().storeBits(chain.bits);
    if (chain.refs.length === 0) {
        return chain;
    }
    return builder.storeRef(withExtraRefs(chain.refs[0], butLast)).storeRef(extra).endCell();
}
