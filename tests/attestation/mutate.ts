import { beginCell, BitString, Cell } from '@ton/core';

/** Random numbers that a seed and an index give again. */
export class Random {
    private state: number;

    constructor(seed: number, index: number) {
        this.state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
    }

    /** From 0 up to but not with `end`. */
    below(end: number): number {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
    }

    chance(oneIn: number): boolean {
        return this.below(oneIn) === 0;
    }

    pick<T>(from: readonly T[]): T {
        return from[this.below(from.length)];
    }

    bytes(length: number): Buffer {
        return Buffer.from(Array.from({ length }, () => this.below(256)));
    }

    number(bits: number): bigint {
        return BigInt(`0x${this.bytes(Math.ceil(bits / 8)).toString('hex')}`) >> BigInt((8 - (bits % 8)) % 8);
    }

    shuffled<T>(from: readonly T[]): T[] {
        const left = [...from];
        return from.map(() => left.splice(this.below(left.length), 1)[0]);
    }
}

type Path = readonly number[];

/** Ways to all cells below and with `root`. */
export function pathsOf(root: Cell): Path[] {
    return [[], ...root.refs.flatMap((ref, index) => pathsOf(ref).map((path) => [index, ...path]))];
}

export function cellAt(root: Cell, path: Path): Cell {
    return path.reduce((cell, index) => cell.refs[index], root);
}

/** The tree with another cell in one place. */
export function replaced(root: Cell, path: Path, by: (cell: Cell) => Cell): Cell {
    if (path.length === 0) {
        return by(root);
    }
    const [index, ...rest] = path;
    return cellOf(root.bits, root.refs.map((ref, at) => (at === index ? replaced(ref, rest, by) : ref)));
}

export function cellOf(bits: BitString, refs: readonly Cell[]): Cell {
    const builder = beginCell().storeBits(bits);
    refs.forEach((ref) => builder.storeRef(ref));
    return builder.endCell();
}

export function bitsOf(cell: Cell): boolean[] {
    return Array.from({ length: cell.bits.length }, (_, index) => cell.bits.at(index));
}

export function fromBits(bits: readonly boolean[], refs: readonly Cell[]): Cell {
    const builder = beginCell();
    bits.forEach((bit) => builder.storeBit(bit));
    refs.forEach((ref) => builder.storeRef(ref));
    return builder.endCell();
}

/** Flips one bit of a cell that has any. */
export function flipped(cell: Cell, random: Random): Cell {
    const bits = bitsOf(cell);
    if (bits.length > 0) {
        const at = random.below(bits.length);
        bits[at] = !bits[at];
    }
    return fromBits(bits, cell.refs);
}

/** Changes of a tree of cells that need to know nothing of what is in it. */
export type TreeMutation = (root: Cell, random: Random, strangers: readonly Cell[]) => Cell;

/** In a random cell. */
const inSome = (change: (cell: Cell, random: Random, strangers: readonly Cell[]) => Cell): TreeMutation => (root, random, strangers) =>
    replaced(root, random.pick(pathsOf(root)), (cell) => change(cell, random, strangers));

export const TreeMutations: Readonly<Record<string, TreeMutation>> = {
    'a bit flipped': inSome(flipped),
    'several bits flipped': (root, random) => {
        let changed = root;
        for (let left = 2 + random.below(6); left > 0; left -= 1) {
            changed = replaced(changed, random.pick(pathsOf(changed)), (cell) => flipped(cell, random));
        }
        return changed;
    },
    'a reference added': inSome((cell, random, strangers) =>
        cell.refs.length < 4 ? cellOf(cell.bits, [...cell.refs, random.pick(strangers)]) : cell,
    ),
    'a reference removed': inSome((cell, random) => {
        const gone = random.below(cell.refs.length);
        return cellOf(cell.bits, cell.refs.filter((_, index) => index !== gone));
    }),
    'references exchanged': inSome((cell, random) => cellOf(cell.bits, random.shuffled(cell.refs))),
    'a branch of something else': (root, random, strangers) => {
        const paths = pathsOf(root);
        return replaced(root, random.pick(paths.length > 1 ? paths.slice(1) : paths), () => random.pick(strangers));
    },
    'a branch used twice': (root, random) => {
        const paths = pathsOf(root);
        return replaced(root, random.pick(paths), () => cellAt(root, random.pick(paths)));
    },
    'bits cut off': inSome((cell, random) => fromBits(bitsOf(cell).slice(0, random.below(cell.bits.length + 1)), cell.refs)),
    'whole bytes cut off': inSome((cell, random) => fromBits(bitsOf(cell).slice(0, 8 * random.below(Math.floor(cell.bits.length / 8) + 1)), cell.refs)),
    'bits added': inSome((cell, random) => {
        const room = 1023 - cell.bits.length;
        const more = Array.from({ length: Math.min(room, random.chance(2) ? 8 : 1 + random.below(64)) }, () => random.chance(2));
        return fromBits([...bitsOf(cell), ...more], cell.refs);
    }),
    'all bits zero': inSome((cell) => fromBits(bitsOf(cell).map(() => false), cell.refs)),
    'all bits random': inSome((cell, random) => fromBits(bitsOf(cell).map(() => random.chance(2)), cell.refs)),
    'cells joined': inSome((cell) => {
        const next = cell.refs[0];
        return next === undefined || cell.bits.length + next.bits.length > 1023
            ? cell
            : fromBits([...bitsOf(cell), ...bitsOf(next)], next.refs);
    }),
    'a cell cut in two': inSome((cell, random) => {
        const bits = bitsOf(cell);
        const at = random.chance(4) ? random.below(bits.length + 1) : 8 * random.below(Math.floor(bits.length / 8) + 1);
        return fromBits(bits.slice(0, at), [fromBits(bits.slice(at), cell.refs)]);
    }),
    'bytes moved to the next cell': inSome((cell, random) => {
        const next = cell.refs[0];
        if (next === undefined) {
            return cell;
        }
        const bits = bitsOf(cell);
        const count = Math.min(8 * (1 + random.below(12)), bits.length, 1016 - next.bits.length);
        return fromBits(bits.slice(0, bits.length - count), [
            fromBits([...bits.slice(bits.length - count), ...bitsOf(next)], next.refs),
            ...cell.refs.slice(1),
        ]);
    }),
};
