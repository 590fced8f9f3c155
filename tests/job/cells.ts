import { beginCell, Cell } from '@ton/core';

// Cells that are not quite what they should be.

export const withoutLastBit = (cell: Cell): Cell => {
    const builder = beginCell().storeBits(cell.beginParse().loadBits(cell.bits.length - 1));
    cell.refs.forEach((ref) => builder.storeRef(ref));
    return builder.endCell();
};

export const withoutReferences = (cell: Cell): Cell => beginCell().storeBits(cell.bits).endCell();

export const withBit = (cell: Cell): Cell => beginCell().storeSlice(cell.beginParse()).storeBit(1).endCell();

export const withReference = (cell: Cell): Cell => beginCell().storeSlice(cell.beginParse()).storeRef(Cell.EMPTY).endCell();

/** The cell with its reference number `index` replaced. */
export const withInstead = (cell: Cell, index: number, other: Cell): Cell =>
    cell.refs.reduce((builder, ref, at) => builder.storeRef(at === index ? other : ref), beginCell().storeBits(cell.bits)).endCell();

/** A library cell: to the virtual machine it is `cell`, as long as somebody keeps `cell` published. */
export const asLibrary = (cell: Cell): Cell =>
    beginCell().storeUint(2, 8).storeBuffer(cell.hash()).endCell({ exotic: true });

/** As many bits as a cell can have. */
export const full = (cell: Cell): Cell => {
    const builder = beginCell().storeSlice(cell.beginParse());
    while (builder.availableBits > 0) {
        builder.storeBit(1);
    }
    return builder.endCell();
};

/** A tree of at least so many different cells. */
export const wideTree = (cells: number): Cell => {
    let layer = Array.from({ length: Math.ceil(cells * 3 / 4) }, (_, index) => beginCell().storeUint(index, 256).endCell());
    while (layer.length > 1) {
        const children = layer;
        layer = Array.from({ length: Math.ceil(children.length / 4) }, (_, index) =>
            children.slice(4 * index, 4 * index + 4).reduce((cell, child) => cell.storeRef(child), beginCell()).endCell());
    }
    return layer[0];
};
