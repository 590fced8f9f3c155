import { beginCell, Cell } from '@ton/core';
import { AttestationError } from './errors';

/** Whole bytes that fit a cell. */
export const CellBytes = 127;
/**
 * Cells of a chain. A message may be 512 deep on the chain, but emulators give up at 350; Intel's longest chain, TCB
 * info of 20 levels, needs about 200.
 */
export const MaxChainCells = 300;

/** A piece of signed text or bytes that a reader takes from one cell. */
export type Token = {
    bytes: Buffer;
    /** Nothing is read from it: it may be cut anywhere. */
    loose?: boolean;
    /** Begins a new cell, wherever it would fit. */
    newCell?: boolean;
};

/** @returns a token that is not cut; without bytes there is no token. */
export function token(bytes: Buffer): Token {
    return { bytes };
}

/** @returns a token if it fits a cell, else bytes that may be cut anywhere. */
export function tokenIfShort(bytes: Buffer): Token {
    return { bytes, loose: bytes.length > CellBytes };
}

/**
 * Cuts tokens into the contents of cells: as many as fit, the next cell when one does not.
 * @param what name of the text, for the error.
 * @returns one buffer of 1 to 127 bytes for each cell; together they are the bytes of the tokens.
 * @throws AttestationError for a token that no cell holds.
 */
export function packTokens(tokens: readonly Token[], what: string): Buffer[] {
    const cells: Buffer[] = [];
    let current: Buffer[] = [];
    let size = 0;
    const close = () => {
        if (size > 0) {
            cells.push(Buffer.concat(current));
            current = [];
            size = 0;
        }
    };
    const add = (bytes: Buffer) => {
        current.push(bytes);
        size += bytes.length;
    };
    for (const { bytes, loose, newCell } of tokens) {
        if (newCell) {
            close();
        }
        if (loose) {
            for (let offset = 0; offset < bytes.length; ) {
                const part = bytes.subarray(offset, offset + CellBytes - size);
                add(part);
                offset += part.length;
                if (size === CellBytes) {
                    close();
                }
            }
            continue;
        }
        if (bytes.length > CellBytes) {
            throw new AttestationError(
                'unreadable_form',
                `${what}: ${bytes.length} bytes have to be read as one, and a cell holds ${CellBytes}: the contracts ` +
                    'cannot read it. Check that it is the original of Intel.',
            );
        }
        if (size + bytes.length > CellBytes) {
            close();
        }
        add(bytes);
    }
    close();
    return cells;
}

/**
 * A chain: the first reference of each cell is the next one.
 * @param parts bytes of each cell.
 * @param follows what the last cell goes on with.
 * @throws AttestationError when the chain is empty or deeper than a message may be.
 */
export function chainOf(parts: readonly Buffer[], what: string, follows: Cell | null = null): Cell {
    if (parts.length === 0 || parts.length > MaxChainCells) {
        throw new AttestationError(
            'unreadable_form',
            `${what}: needs ${parts.length} cells, and a message carries 1 to ${MaxChainCells} in a chain.`,
        );
    }
    let next = follows;
    for (const part of [...parts].reverse()) {
        const cell = beginCell().storeBuffer(part);
        next = (next === null ? cell : cell.storeRef(next)).endCell();
    }
    return next as Cell;
}

/** @returns tokens as a chain of cells. */
export function chainOfTokens(tokens: readonly Token[], what: string): Cell {
    return chainOf(packTokens(tokens, what), what);
}

/** @returns bytes as a chain of cells of fixed lengths. @throws AttestationError unless they fill the cells exactly. */
export function chainOfLengths(bytes: Buffer, lengths: readonly number[], what: string): Cell {
    const parts: Buffer[] = [];
    let offset = 0;
    for (const length of lengths) {
        parts.push(bytes.subarray(offset, offset + length));
        offset += length;
    }
    if (offset !== bytes.length) {
        throw new AttestationError(
            'bad_argument',
            `${what}: has ${bytes.length} bytes. Expected ${offset}, as docs/attestation-cells.md lays them out.`,
        );
    }
    return chainOf(parts, what);
}

/** @returns the bytes of a chain, put together again; of one with pages too: each cell comes before its references. */
export function bytesOfChain(chain: Cell): Buffer {
    const own = chain.beginParse().loadBuffer(chain.bits.length / 8);
    return Buffer.concat([own, ...chain.refs.map(bytesOfChain)]);
}
