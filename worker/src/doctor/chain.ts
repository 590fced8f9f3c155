import { Address } from '@ton/core';

import { Chain } from '../chain/chain';
import { messageOf } from '../errors';
import { isLocal, isPublicApi, PublicRate } from '../init/networks';
import { Examination } from './doctor';
import { Finding, ok, problem, skipped, warning } from './finding';

/** An account that every network answers for. */
const Nobody = new Address(0, Buffer.alloc(32));
const NetworkNames = new Map([
    [-239, 'mainnet'],
    [-3, 'testnet'],
]);
/** Milliseconds from which on the API is slow enough to be felt. */
const SlowCall = 1500;

/** The chain: whether it answers, how fast, and whether this machine's clock agrees with it. */
export async function* checkChain({ facts, signal }: Examination): AsyncIterable<Finding> {
    const { config } = facts;
    if (config === undefined) {
        yield skipped('chain', 'without a configuration it is not known which');
        return;
    }
    const { network } = config;
    yield* checkRate(network);
    const chain = new Chain({ ...network, signal });
    try {
        await chain.globalId(); // the connection is made
        const begin = performance.now();
        const globalId = await chain.globalId();
        const took = performance.now() - begin;
        facts.chain = chain;
        facts.globalId = globalId;
        const name = isLocal(network.endpoint) ? 'a network on this machine' : (NetworkNames.get(globalId) ?? 'another network');
        const found = `${name}, global id ${globalId}, answers in ${Math.round(took)} ms`;
        yield took < SlowCall
            ? ok('chain', found)
            : warning('chain', found, { expected: `less than ${SlowCall} ms`, next: 'use an API that is nearer' });
        await chain.account(Nobody);
        yield checkClock(chain.now() - Math.floor(Date.now() / 1000));
    } catch (error) {
        signal.throwIfAborted();
        yield problem('chain', messageOf(error), {
            expected: `an answer of ${new URL(network.endpoint).origin}`,
            next: 'correct network.endpoint (it ends in /api/v2/jsonRPC), or get an API key for WORKER_NETWORK_API_KEY',
        });
    }
}

function* checkRate(network: { endpoint: string; apiKey: string | null; requestsPerSecond: number }): Iterable<Finding> {
    const { hostname } = new URL(network.endpoint);
    if (isPublicApi(network.endpoint) && network.apiKey === null && network.requestsPerSecond > PublicRate) {
        yield warning('API key', `none, and ${network.requestsPerSecond} calls a second are allowed to ${hostname}`, {
            expected: `${PublicRate} call a second without a key: more are answered with an error`,
            next: 'get a key from @toncenter on Telegram for WORKER_NETWORK_API_KEY, or set network.requestsPerSecond to 1',
        });
    }
}

/** @param offset seconds by which the chain is ahead; 0 within the tolerance. */
function checkClock(offset: number): Finding {
    return offset === 0
        ? ok('clock', 'agrees with the chain within a minute')
        : warning('clock', `${Math.abs(offset)} s ${offset > 0 ? 'behind' : 'ahead of'} the chain`, {
              expected: 'less than a minute: clients refuse proofs and receipts that seem to be of another time',
              next: 'timedatectl set-ntp true',
          });
}
