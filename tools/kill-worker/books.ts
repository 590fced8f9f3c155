import { sendOrder } from '../../worker/src/admin/client';
import { Headroom } from './load';
import { Witness } from './witness';
import { World } from './world';

/** What the worker answers to an order to close a session. */
type Closed = { outcome: string; message: string };

/** One last request: its receipt covers everything that was used, also what a kill left without a receipt. */
async function lastReceipt(witness: Witness): Promise<bigint> {
    const { client } = witness;
    const enough = (await client.account()).spent + Headroom;
    witness.signed = enough > witness.signed ? enough : witness.signed;
    const body = { model: 'tiny-chat', input: 'The end.' };
    const answer = await client.call('/v1/embeddings', body, { sealed: true, pay: witness.signed });
    if (answer.status !== 200 || answer.receipts.length === 0) {
        throw new Error(`The last request got ${answer.status}: ${answer.text}`);
    }
    return answer.receipts[0].amount;
}

/**
 * Ends all sessions as their parties would: each client signs for exactly what was used, and the provider closes.
 * @returns what does not balance, to the nanoTON.
 */
export async function balanceBooks(world: World): Promise<string[]> {
    const faults: string[] = [];
    for (const witness of world.witnesses) {
        faults.push(...(await closeSession(world, witness)).map((fault) => `At the end: ${fault}`));
    }
    return faults;
}

async function closeSession({ network }: World, witness: Witness): Promise<string[]> {
    const { client } = witness;
    const faults: string[] = [];
    const used = await lastReceipt(witness);
    const { spent } = await client.account();
    if (spent !== used) {
        faults.push(`the worker counts ${spent}, its last receipt says ${used}`);
    }
    if (used > witness.signed) {
        faults.push(`${used} were served, ${witness.signed} signed`);
    }
    await client.pay(used);
    await sendOrder(network.directory, 'POST', '/settle');
    const { claimed } = await network.sessionData(client.address);
    // Claims in mid-run went by what was signed ahead then; what is claimed last is exactly what was used.
    if (claimed < used || claimed > witness.signed) {
        faults.push(`${claimed} were claimed, ${used} used, ${witness.signed} signed`);
    }
    const closed = (await sendOrder(network.directory, 'POST', `/sessions/${client.address.toRawString()}/close`)) as Closed;
    const left = await network.devnet.balance(client.address);
    if (closed.outcome !== 'settled' || left !== 0n) {
        faults.push(`the session was not closed (${closed.message}), its escrow holds ${left}`);
    }
    return faults;
}
