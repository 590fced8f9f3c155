import { beginCell, Cell } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { bodyOf, parseCrl, signatureCell, token, tokenIfShort } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { Errors } from '../../wrappers';
import { certificateMessage, certificatesAndLists, crlMessage } from './collateral_messages';
import { Verification } from './verification';


const authority = new TestAuthority();
const { rootKey } = authority;

describe('threat: the sender chooses where cells end', () => {
    let verification: Verification;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        verification = await Verification.create(rootKey, authority.now);
        for (const message of certificatesAndLists(authority)) {
            await verification.learnMessage(message);
        }
        start = verification.chain.snapshot();
    });
    beforeEach(() => verification.chain.loadFrom(start));

    it('a revocation list whose header of entries begins a new cell does not pass for an empty one', async () => {
        const list = parseCrl(authority.pckCrl('platform', { thisUpdate: authority.now, revoked: [5n, 6n] }));
        const body = recutList(list, (header) => [header.subarray(0, header.length - 2), header.subarray(-2)]);
        await verification.send(body);
        const crl = (await verification.known()).crls.get(2)!;
        expect([crl.thisUpdate, crl.revoked]).not.toEqual([authority.now, 0]);
    });

    function recutList(list: ReturnType<typeof parseCrl>, cut: (head: Buffer) => Buffer[]): Cell {
        const good = crlMessage(list.der, authority.platformCa.key.publicKey);
        const chain = good.refs[0];
        const cells: Cell[] = [chain];
        while (cells[0].bits.length > 0) {
            cells.unshift(cells[0].refs[0]);
        }
        const [page, ...head] = cells;
        const bytes = Buffer.concat(head.reverse().map((cell) => cell.beginParse().loadBuffer(cell.bits.length / 8)));
        void bytes;
        const [last, ...others] = head.reverse();
        let next = page;
        for (const part of cut(last.beginParse().loadBuffer(last.bits.length / 8)).reverse()) {
            next = beginCell().storeBuffer(part).storeRef(next).endCell();
        }
        for (const cell of others) {
            next = beginCell().storeBits(cell.bits).storeRef(next).endCell();
        }
        return beginCell().storeBits(good.bits).storeRef(next).storeRef(good.refs[1]).endCell();
    }
});
