import { NetworkProvider } from '@ton/blueprint';
import { Address, toNano, Transaction } from '@ton/core';
import { failureOf, follow, operationOf } from '../../tools/scripts/trace';
import { SessionEscrow } from '../../wrappers';
import { TestNetwork } from '../support/network';

/** A network that shows these transactions, each time one more, through an API that can only list an account's. */
function networkOf(transactions: Transaction[]): NetworkProvider {
    let known = 0;
    const ofAccount = ({ hash }: Address) => {
        known = Math.min(known + 1, transactions.length);
        const account = BigInt('0x' + hash.toString('hex'));
        return transactions
            .slice(0, known)
            .filter(({ address }) => address === account)
            .reverse();
    };
    return {
        network: () => 'custom',
        api: () => ({}),
        provider: (address: Address) => ({
            getState: async () => {
                const [last] = ofAccount(address);
                return { last: last === undefined ? null : { lt: last.lt, hash: last.hash() } };
            },
            getTransactions: async () => ofAccount(address),
        }),
    } as unknown as NetworkProvider;
}

describe('following a chain of messages', () => {
    let network: TestNetwork;

    beforeAll(async () => {
        network = await TestNetwork.ready();
    });

    it('finds every transaction in its order, and what the chain kept', async () => {
        const session = await network.escrow();
        const before = await network.balance(network.client.address);
        const { transactions } = await session.open(toNano('1'));
        const trace = await follow(networkOf(transactions), network.client.address, session.address, 0n);
        expect(trace.transactions.map(({ lt }) => lt)).toEqual(transactions.map(({ lt }) => lt));
        const { SessionConfirmed } = SessionEscrow.SessionEscrow.opcodes;
        expect(operationOf(trace.transactions[3])).toBe(SessionConfirmed);
        const spent = before - (await network.balance(network.client.address));
        expect(trace.fees).toBe(spent - (await network.balance(session.address)));
    });

    it('tells why a contract refused, in words', async () => {
        const session = await network.escrow({ salt: 2n });
        const { transactions } = await session.open(toNano('0.01'));
        const trace = await follow(networkOf(transactions), network.client.address, session.address, 0n);
        expect(trace.transactions.map(failureOf)).toEqual([
            null,
            expect.stringMatching(
                /^Exit code 1104 \(DepositTooLow, session\): The deposit is below the offer's minimum\./,
            ),
            null,
        ]);
    });
});
