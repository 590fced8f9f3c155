import type { BitString, Cell } from '@ton/core';

type Classes = { Cell: typeof Cell; BitString: typeof BitString };
type ParsedCell = { start: number; end: number; bits: number; refs: number[] };

const Magic = 0xb5ee9c72;

/** Cells that one test file remembers, by their content. */
const Remembered = 30_000;

const Crc32cTable = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
        crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    return crc;
});

function crc32c(data: Buffer): number {
    let crc = 0xffffffff;
    for (let i = 0; i < data.length; i++) {
        crc = Crc32cTable[(crc ^ data[i]) & 0xff] ^ (crc >>> 8);
    }
    return (crc ^ 0xffffffff) >>> 0;
}

function bytesFor(value: number): number {
    return Math.max(Math.ceil(value.toString(2).length / 8), 1);
}

/** The cells of a bag as they lie in it; undefined for anything but a plain bag of ordinary cells without levels. */
function parse(src: Buffer): { cells: ParsedCell[]; roots: number[] } | undefined {
    if (src.length < 6 || src.readUInt32BE(0) !== Magic) {
        return undefined;
    }
    const [flags, offsetSize] = [src[4], src[5]];
    const size = flags & 7;
    // An index, the bits of a cache, and flags that nobody uses.
    if (flags & 0b1011_1000 || size < 1 || size > 4 || offsetSize < 1 || offsetSize > 6 || src.length < 6 + 3 * size + offsetSize) {
        return undefined;
    }
    let at = 6;
    const next = (bytes: number) => src.readUIntBE((at += bytes) - bytes, bytes);
    const [count, rootCount, absent, total] = [next(size), next(size), next(size), next(offsetSize)];
    const hasCrc = (flags & 0b0100_0000) !== 0;
    const dataEnd = at + rootCount * size + total;
    if (absent !== 0 || src.length !== dataEnd + (hasCrc ? 4 : 0) || (hasCrc && crc32c(src.subarray(0, dataEnd)) !== src.readUInt32LE(dataEnd))) {
        return undefined;
    }
    const roots = Array.from({ length: rootCount }, () => next(size));
    const cells: ParsedCell[] = [];
    for (let i = 0; i < count; i++) {
        if (at + 2 > dataEnd) {
            return undefined;
        }
        const [first, second] = [src[at], src[at + 1]];
        const start = at + 2;
        const end = start + Math.ceil(second / 2);
        const last = src[end - 1];
        if (first > 4 || end + first * size > dataEnd || (second % 2 === 1 && last === 0)) {
            return undefined;
        }
        const padding = second % 2 === 1 ? 32 - Math.clz32(last & -last) : 0;
        at = end;
        const refs = Array.from({ length: first }, () => next(size));
        if (refs.some((ref) => ref <= i || ref >= count)) {
            return undefined;
        }
        cells.push({ start, end, bits: (end - start) * 8 - padding, refs });
    }
    return at === dataEnd && roots.every((root) => root < count) ? { cells, roots } : undefined;
}

/** Cells in the order in which the library writes them: parents first, and a cell before those to its right. */
function ordered(root: Cell): { cells: Cell[]; index: Map<string, number> } {
    const seen = new Set<string>();
    const found: { cell: Cell; name: string }[] = [];
    const visit = (cell: Cell) => {
        const name = cell.hash().toString('latin1');
        if (seen.has(name)) {
            return;
        }
        seen.add(name);
        for (let i = cell.refs.length - 1; i >= 0; i--) {
            visit(cell.refs[i]);
        }
        found.push({ cell, name });
    };
    visit(root);
    found.reverse();
    return { cells: found.map(({ cell }) => cell), index: new Map(found.map(({ name }, i) => [name, i])) };
}

/** Writes the bits of a cell, padded to bytes, into zeroes. */
function writePadded(bits: BitString, to: Buffer, at: number): void {
    const whole = bits.length >> 3;
    const bytes = bits.subbuffer(0, whole * 8);
    if (bytes !== null) {
        bytes.copy(to, at);
    }
    for (let i = bytes === null ? 0 : whole * 8; i < bits.length; i++) {
        to[at + (i >> 3)] |= bits.at(i) ? 0x80 >> (i & 7) : 0;
    }
    if (bits.length % 8 !== 0) {
        to[at + whole] |= 0x80 >> (bits.length % 8);
    }
}

function serialize(root: Cell, withCrc: boolean): Buffer {
    const { cells, index } = ordered(root);
    const size = bytesFor(cells.length);
    const total = cells.reduce((sum, cell) => sum + 2 + Math.ceil(cell.bits.length / 8) + cell.refs.length * size, 0);
    const offsetSize = bytesFor(total);
    const to = Buffer.alloc(6 + 4 * size + offsetSize + total + (withCrc ? 4 : 0));
    let at = to.writeUInt32BE(Magic);
    to[at++] = (withCrc ? 0b0100_0000 : 0) | size;
    to[at++] = offsetSize;
    at = to.writeUIntBE(cells.length, at, size);
    at = to.writeUIntBE(1, at, size);
    at += size;
    at = to.writeUIntBE(total, at, offsetSize);
    at += size;
    for (const cell of cells) {
        to[at++] = cell.refs.length + (cell.isExotic ? 8 : 0) + cell.mask.value * 32;
        to[at++] = Math.ceil(cell.bits.length / 8) + (cell.bits.length >> 3);
        writePadded(cell.bits, to, at);
        at += Math.ceil(cell.bits.length / 8);
        for (const ref of cell.refs) {
            at = to.writeUIntBE(index.get(ref.hash().toString('latin1'))!, at, size);
        }
    }
    if (withCrc) {
        to.writeUInt32LE(crc32c(to.subarray(0, at)), at);
    }
    return to;
}

/**
 * Exchanges reading and writing of bags of cells. Cells never change, so that equal ones are built and hashed once, and a
 * tree is written once. A bag that is not plain, or broken, goes to the library's own function, which throws its own error.
 */
export function fastBoc({ Cell, BitString }: Classes): void {
    const known = new Map<string, { cell: Cell; id: number }>();
    let nextId = 0;
    const fromBoc = Cell.fromBoc;
    Cell.fromBoc = (src: Buffer): Cell[] => {
        const bag = Buffer.isBuffer(src) ? parse(src) : undefined;
        if (bag === undefined) {
            return fromBoc(src);
        }
        const built: { cell: Cell; id: number }[] = new Array(bag.cells.length);
        for (let i = bag.cells.length - 1; i >= 0; i--) {
            const { start, end, bits, refs } = bag.cells[i];
            const name = `${src.toString('latin1', start, end)}/${bits}/${refs.map((ref) => built[ref].id).join()}`;
            let entry = known.get(name);
            if (entry === undefined) {
                const data = bits === 0 ? BitString.EMPTY : new BitString(Buffer.from(src.subarray(start, end)), 0, bits);
                entry = { cell: new Cell({ bits: data, refs: refs.map((ref) => built[ref].cell) }), id: nextId++ };
                if (known.size >= Remembered) {
                    known.clear();
                }
                known.set(name, entry);
            }
            built[i] = entry;
        }
        return bag.roots.map((root) => built[root].cell);
    };

    const written = new WeakMap<Cell, Buffer>();
    const toBoc = Cell.prototype.toBoc;
    Cell.prototype.toBoc = function (this: Cell, options?: { idx?: boolean | null; crc32?: boolean | null }): Buffer {
        if (options?.idx) {
            return toBoc.call(this, options);
        }
        if (!(options?.crc32 ?? true)) {
            return serialize(this, false);
        }
        let found = written.get(this);
        if (found === undefined) {
            written.set(this, found = serialize(this, true));
        }
        return Buffer.from(found);
    };
}
