import { beginCell, Cell } from '@ton/core';
import { chainOf, chainOfTokens, packTokens, Token, token } from '../cells';
import { bytesOf, readElement, readElements, Tag } from '../der';

const What = 'Certificate revocation list';

/** A TBSCertList as its readers take it. */
export type CrlTokens = {
    /** Up to and with the header of revokedCertificates. */
    head: Token[];
    /** Each one a revoked certificate. */
    entries: Token[][];
    /** Extensions of the list: nothing is read from them. */
    tail: Token[];
};

/**
 * Cuts a TBSCertList where the contracts read it: docs/attestation-cells.md.
 * @param tbs DER, as the issuer signed it.
 * @throws AttestationError when it is no TBSCertList of version 2.
 */
export function crlTokens(tbs: Buffer): CrlTokens {
    const outer = readElement(tbs, 0, What, Tag.Sequence);
    const version = readElement(tbs, outer.content, What, Tag.Integer);
    const algorithm = readElement(tbs, version.end, What, Tag.Sequence);
    const issuer = readElement(tbs, algorithm.end, What, Tag.Sequence);
    const thisUpdate = readElement(tbs, issuer.end, What);
    const nextUpdate = readElement(tbs, thisUpdate.end, What);
    const start = [token(tbs.subarray(0, algorithm.end)), token(bytesOf(tbs, issuer))];
    if (nextUpdate.end === tbs.length || tbs[nextUpdate.end] !== Tag.Sequence) {
        const dates = token(tbs.subarray(thisUpdate.start, nextUpdate.end));
        return { head: [...start, dates], entries: [], tail: rest(tbs, nextUpdate.end) };
    }
    const revoked = readElement(tbs, nextUpdate.end, What);
    return {
        head: [...start, token(tbs.subarray(thisUpdate.start, revoked.content))],
        entries: readElements(tbs, revoked.content, revoked.end, What).map((entry) => {
            const serial = readElement(tbs, entry.content, What, Tag.Integer);
            return [
                token(tbs.subarray(entry.start, serial.content)),
                { bytes: tbs.subarray(serial.content, entry.end), loose: true },
            ];
        }),
        tail: rest(tbs, revoked.end),
    };
}

function rest(tbs: Buffer, from: number): Token[] {
    return from < tbs.length ? [{ bytes: tbs.subarray(from), loose: true, newCell: true }] : [];
}

/** Entries in a page: about 20 cells, so that a list of thousands stays far from the depth of a message. */
const EntriesPerPage = 50;

/** @returns a TBSCertList as a chain with pages. */
export function crlCells(tbs: Buffer): Cell {
    const { head, entries, tail } = crlTokens(tbs);
    if (entries.length === 0) {
        return chainOfTokens([...head, ...tail], What);
    }
    let next: Cell | null = tail.length === 0 ? null : chainOfTokens(tail, What);
    for (let end = entries.length; end > 0; end = pageStart(end)) {
        const page = beginCell().storeRef(chainOfTokens(entries.slice(pageStart(end), end).flat(), What));
        next = (next === null ? page : page.storeRef(next)).endCell();
    }
    return chainOf(packTokens(head, What), What, next);
}

/** First entry of the page that ends before `end`. */
function pageStart(end: number): number {
    return Math.floor((end - 1) / EntriesPerPage) * EntriesPerPage;
}
